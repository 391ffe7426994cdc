"""Configuration: files, flags, and what is said when they are wrong."""

from dataclasses import field
from typing import List, Literal, Optional

import pytest
import yaml
from pydantic import Field
from pydantic.dataclasses import dataclass

from common import config
from common.config_fields import Optim, Train
from common.errors import UserError
from tests.conftest import ROOT


@dataclass(config=config.STRICT)
class Data:
    path: str = "a.csv"
    groups: Optional[List[str]] = Field(None, description="which groups")


@dataclass(config=config.STRICT)
class Example:
    task: Literal["example"]
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=lambda: Train(epochs=3))
    data: Data = field(default_factory=Data)


def build(*flags: str) -> Example:
    values = config.merge({"task": "example"}, config.parse_flags(list(flags)))
    return config.build(Example, values, "x.yaml")


def test_flags_refine_defaults():
    built = build("--optim.weight_decay", "1e-4", "--train.batch_size=8", "--data.groups", "[a, b]")
    assert (built.optim.weight_decay, built.train.batch_size, built.data.groups) == (1e-4, 8, ["a", "b"])
    assert built.optim.name == "adamw"


def test_a_whole_number_is_a_float_where_a_float_is_expected():
    decay = build("--optim.weight_decay", "0").optim.weight_decay
    assert isinstance(decay, float)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--optim.weight_decy", "1"], "optim.weight_decy: unknown key; the nearest is optim.weight_decay"),
        (["--optm.momentum", "1"], "optm: unknown key; the nearest is optim"),
        (["--optim.weight_decay", "abc"], 'optim.weight_decay: found "abc", expected a number'),
        (["--optim.weight_decay", "-1"], "optim.weight_decay: found -1, expected at least 0"),
        (["--optim.learning_rate", ".nan"], "optim.learning_rate: found NaN, expected a finite number"),
        (["--optim.name", "adan"], "optim.name: found \"adan\", expected 'adamw', 'adam'"),
        (["--train.epochs", "true"], "train.epochs: found true, expected a whole number"),
        (["--train.epochs", "2.5"], "train.epochs: found 2.5, expected a whole number"),
        (["--train.batch_size", "'8'"], 'train.batch_size: found "8", expected a whole number'),
        (["--train.steps", "0"], "train.steps: found 0, expected at least 1"),
        (["--optim.rules", "[{match: a, decay: x}]"], "optim.rules.0.pattern: missing"),
        (["--optim", "5"], "optim: found 5, expected keys with values"),
        (["--data.groups", "a"], 'data.groups: found "a", expected a list'),
        (["--optim.momentum"], "--optim.momentum: found no value"),
        (["weight_decay=1"], "found 'weight_decay=1', expected a flag"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_field(flags, message):
    with pytest.raises(UserError) as error:
        build(*flags)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--run-dri", "x"], "--run-dri: unknown flag; the nearest is --run-dir"),
        (["--run-dri=x"], "--run-dri: unknown flag; the nearest is --run-dir"),
        (["--resum", "--train.epochs", "1"], "--resum: unknown flag; the nearest is --resume"),
        (["--train.epoch", "1"], "--train.epoch: unknown flag; the nearest is --train.epochs"),
        (["--trian", "1"], "--trian: unknown flag; the nearest is --train"),
        (["--train.epochs.x", "1"], "--train.epochs.x: unknown flag; the nearest is --train.epochs"),
    ],
)
def test_a_misspelt_flag_names_the_nearest_of_the_command_and_the_fields(flags, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        config.parse_flags(flags, Example, ["--run-dir", "--resume"])


def test_a_section_is_a_flag_too():
    assert config.parse_flags(["--optim", "{momentum: 0.5}"], Example) == {"optim": {"momentum": 0.5}}


def test_a_missing_key_is_named():
    with pytest.raises(UserError, match="x.yaml: task: missing"):
        config.build(Example, {}, "x.yaml")


def test_written_configuration_reads_back_equal(tmp_path):
    built = build("--optim.weight_decay", "5e-05", "--optim.momentum", "1e-12", "--data.groups", "[手机]")
    file = tmp_path / "config.yaml"
    file.write_text(config.to_yaml(built), encoding="utf-8")
    assert config.build(Example, config.read_yaml(file), "y") == built


def test_later_parents_refine_earlier_ones_and_the_file_refines_both(tmp_path):
    (tmp_path / "a.yaml").write_text("optim: {momentum: 0.1, warmup: 0.1, clip_norm: 1}")
    (tmp_path / "b.yaml").write_text("optim: {warmup: 0.2, clip_norm: 2}")
    (tmp_path / "c.yaml").write_text("extends: [a.yaml, b.yaml]\noptim: {clip_norm: 3}")
    assert config.read_yaml(tmp_path / "c.yaml") == {
        "optim": {"momentum": 0.1, "warmup": 0.2, "clip_norm": 3}
    }


def leaves(values: dict, prefix: str = "") -> dict:
    flat = {}
    for key, value in values.items():
        flat.update(leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat


@pytest.mark.parametrize(
    ("task", "regularizing"),
    [
        ("sentiment", {"optim.weight_decay", "optim.weight_decay_layer_decay", "model.dropout"}),
        (
            "pcb",
            {"optim.weight_decay", "model.dropout", "augment.mixup.probability"},
        ),
    ],
)
def test_the_arms_differ_in_what_regularizes_and_in_nothing_else(task, regularizing):
    import tasks

    arms = []
    for name in ("baseline", "regularized"):
        file = ROOT / "configs" / task / f"{name}.yaml"
        built = config.build(tasks.load(task, "config").Config, config.read_yaml(file), str(file))
        arms.append(leaves(yaml.safe_load(config.to_yaml(built))))
    differing = {name for name in arms[0] if arms[0][name] != arms[1][name]}
    assert differing == regularizing


def test_help_describes_every_field():
    text = config.describe(Example)
    for name in config.field_names(Example):
        assert f"--{name} " in text
    assert "--optim.name adamw|adam|momentum|sgd [adamw]" in text


def test_help_of_a_configuration_shows_its_values():
    text = config.describe(Example, build("--optim.name", "sgd", "--optim.weight_decay", "1e-4"))
    assert "--optim.name adamw|adam|momentum|sgd [sgd]" in text
    assert "--optim.weight_decay FLOAT [0.0001]" in text


@pytest.mark.parametrize("value", ["off", "no", "yes", "00041", "92000", "1e5", "true", "[a", "手机"])
def test_a_flag_of_a_text_field_is_taken_as_it_is(value):
    values = config.parse_flags(["--data.path", value], Example)
    assert config.build(Example, {"task": "example", **values}, "x").data.path == value


@pytest.mark.parametrize("value", ["off", "bf16", "fp16"])
def test_every_choice_can_be_given(value):
    assert build("--train.amp", value).train.amp == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("5.", 5.0),
        (".5", 0.5),
        ("-2", -2),
        ("010", "010"),
        ("off", "off"),
        ("true", True),
        ("null", None),
        ("2026-11-23", "2026-11-23"),
        ("[1, a]", [1, "a"]),
    ],
)
def test_values_are_read_by_the_core_schema_of_yaml(tmp_path, text, value):
    (tmp_path / "a.yaml").write_text(f"key: {text}")
    found = config.read_yaml(tmp_path / "a.yaml")["key"]
    assert found == value and type(found) is type(value)
