"""Typed configuration: dataclasses filled from YAML, then from dotted flags.

Pydantic validates; this module only merges files and flags and turns the first thing that
is wrong into one line. Nothing here imports Paddle, so a typing mistake answers at once.
"""

import dataclasses
import difflib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, get_args, get_origin

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from common.errors import UserError

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(config=STRICT)
class Rule:
    """Factors for the parameters whose whole structured name the pattern matches."""

    pattern: str = Field(description="regular expression, such as encoder[.]embeddings[.].*")
    weight_decay: float = Field(1.0, ge=0, description="factor on the decay")
    learning_rate: float = Field(1.0, ge=0, description="factor on the rate")

    def __post_init__(self):
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(
                f"optim.rules: found {self.pattern!r}, expected a regular expression: {error}"
            ) from None


@dataclass(config=STRICT)
class Optim:
    """Optimizer, its regularization, and the schedule of its rate."""

    name: Literal["adamw", "adam", "momentum", "sgd"] = Field(
        "adamw", description="adamw decays weights directly; the others add the L2 term to the gradient"
    )
    learning_rate: float = Field(1e-3, gt=0, description="peak rate, reached after warm-up")
    weight_decay: float = Field(
        0.0, ge=0, description="strength of the decay on weights; biases and norms are exempt"
    )
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="rate of a layer at depth k: times layer_decay^(n+1-k)"
    )
    weight_decay_layer_decay: float = Field(
        1.0, gt=0, le=1, description="decay of a layer at depth k: times this^(n+1-k)"
    )
    rules: list[Rule] = Field(
        default_factory=list, description="factors by structured name, the first match wins"
    )
    decay_embeddings: bool = Field(True, description="whether embedding tables are decayed")
    param_attr: Literal["respect", "override"] = Field(
        "respect", description="what the model's own ParamAttr says of rate and decay"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="used by momentum")
    clip_norm: float = Field(0.0, ge=0, description="global norm over all parameters; 0 is off")
    warmup: float = Field(0.0, ge=0, lt=1, description="share of all updates with a rising rate")
    schedule: Literal["constant", "linear", "cosine", "step"] = Field(
        "linear", description="course of the rate after warm-up; linear and cosine end at zero"
    )
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default_factory=lambda: [0.6, 0.9], description="shares of all updates where step multiplies the rate"
    )
    gamma: float = Field(0.1, gt=0, le=1, description="what step multiplies the rate by")
    explicit_l2: bool = Field(
        False, description="the decay as a penalty in the loss, clipped with it, not in the optimizer"
    )


@dataclass(config=STRICT)
class Loop:
    """Batches and machine of any training run."""

    accumulate: int = Field(1, ge=1, description="micro-batches an update is computed in")
    amp: Literal["off", "bf16", "fp16"] = Field("off", description="mixed precision, on GPUs only")
    device: str = Field("auto", pattern=r"^(auto|cpu|gpu(:\d+)?)$", description="auto, cpu, gpu or gpu:N")
    workers: int = Field(0, ge=0, description="processes that load data; 0 loads in the main one")
    seed: int = Field(0, ge=0, description="initialisation, order of samples, dropout")
    average_decay: float = Field(
        0.0, ge=0, lt=1, description="of the moving average of weights that is evaluated and kept; 0 is off"
    )
    evaluate_every: Optional[int] = Field(
        None, ge=1, description="updates between further evaluations, kept in evaluations.csv"
    )
    visualdl: bool = Field(False, description="write history for VisualDL too, into visualdl/ of the run")


@dataclass(config=STRICT)
class Train(Loop):
    """Length, batches and machine of a training run."""

    epochs: int = Field(10, ge=1, description="passes over the training data")
    steps: Optional[int] = Field(None, ge=1, description="updates of the weights, instead of epochs")
    batch_size: int = Field(32, ge=1, description="samples an update, over all processes")
    train_samples_evaluated: int = Field(
        0, ge=0, description="training samples evaluated with validation, to show the gap; 0 is none"
    )


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: PyYAML alone reads ``1e-4`` as text, ``off`` as false, ``010`` as 8."""

    yaml_implicit_resolvers: dict = {}

    def construct_mapping(self, node, deep=False):
        """A mapping; a key that stands twice in it is an error, since the first would be lost."""
        seen = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"found the key {name} a second time", key.start_mark
                )
            seen.add(str(name))
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(0|[1-9]\d*)$", list("-+0123456789")),
    ("float", r"^[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?$", list("-+.0123456789")),
    ("float", r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", list("-+.")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def read_yaml(path: Path, _seen: tuple = ()) -> dict[str, Any]:
    """Contents of a YAML mapping.

    A key ``extends`` names a file, or several, relative to this one: later ones refine earlier
    ones, and the mapping itself refines them all.

    Raises:
        UserError: no such file, not a YAML mapping, or a file that extends itself.
    """
    path = Path(path)
    if path.resolve() in _seen:
        raise UserError(f"{path}: extends: found the file itself, expected another")
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        named = f", which {_seen[-1].name} extends" if _seen else ""
        raise UserError(f"{path}: no such configuration file{named}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}: line {line}: found bytes that are not UTF-8, expected UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}:{where} is not YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(values, dict):
        found = "nothing" if values is None else f"a {type(values).__name__}"
        raise UserError(f"{path}: found {found}, expected keys with values")
    parents = values.pop("extends", [])
    inherited: dict[str, Any] = {}
    parents = [parents] if isinstance(parents, str) else parents
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise UserError(f"{path}: extends: found {parents!r}, expected a file or a list of files")
    for parent in parents:
        inherited = merge(inherited, read_yaml(path.parent / parent, (*_seen, path.resolve())))
    return merge(inherited, values)


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """``base`` refined by ``override``, section by section; neither is changed."""
    result = dict(base)
    for key, value in override.items():
        both = isinstance(result.get(key), dict) and isinstance(value, dict)
        result[key] = merge(result[key], value) if both else value
    return result


def parse_flags(
    flags: list[str], config_class: Optional[type] = None, command_flags: Iterable[str] = ()
) -> dict[str, Any]:
    """Nested values from ``--section.field value`` or ``--section.field=value``.

    Values are read as YAML, but those of text fields of ``config_class`` are taken as they
    are, so that a board group 00041 stays one.

    Args:
        command_flags: what the command understands beside the fields, such as ``--run-dir``.

    Raises:
        UserError: a flag without a value, or one that is no field or section of ``config_class``;
            it names the nearest flag.
    """
    fields = dict(walk_fields(config_class)) if config_class else {}
    texts = {name for name, field in fields.items() if field.type in (str, Optional[str])}
    values: dict[str, Any] = {}
    rest = list(flags)
    while rest:
        flag = rest.pop(0)
        name, has_value, text = flag.partition("=")
        if not name.startswith("--") or len(name) == 2:
            raise UserError(f"found {flag!r}, expected a flag such as --optim.weight_decay 1e-4")
        if fields and name[2:] not in (known := _with_sections(fields)):
            known_flags = [*command_flags, *(f"--{part}" for part in known)]
            raise UserError(f"{name}: unknown flag; the nearest is {nearest(name, known_flags)}")
        if not has_value:
            if not rest:
                raise UserError(f"{name}: found no value")
            text = rest.pop(0)
        try:
            value = yaml.load(text, _Loader)
        except yaml.YAMLError:
            value = text
        if name[2:] in texts and value is not None:
            value = text
        *sections, field = name[2:].split(".")
        for section in reversed([*sections, field]):
            value = {section: value}
        values = merge(values, value)
    return values


def _with_sections(fields: Iterable[str]) -> list[str]:
    """Dotted names, and before them those of the sections that they stand in."""
    sections: dict[str, None] = {}
    for field in fields:
        parts = field.split(".")
        sections.update(dict.fromkeys(".".join(parts[:end]) for end in range(1, len(parts))))
    return [*sections, *fields]


def build(config_class: type, values: dict[str, Any], source: str) -> Any:
    """An instance of ``config_class``, or a :class:`UserError` that names the first wrong field."""
    try:
        text = json.dumps(values, default=str)
        return TypeAdapter(config_class).validate_json(text, strict=True)
    except (TypeError, ValueError) as error:
        if not isinstance(error, ValidationError):
            raise UserError(f"{source}: cannot be read as keys with values: {error}") from None
        raise UserError(f"{source}: {_explain(config_class, error.errors())}") from None


def _explain(config_class: type, errors: list[dict[str, Any]]) -> str:
    """The first error; of a field that may be one thing or another, with all that it may be."""
    error = errors[0]
    names, parts = field_names(config_class), [str(part) for part in error["loc"]]
    depth = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in names), len(parts))
    alternatives = [e for e in errors if e["loc"][:depth] == error["loc"][:depth]]
    one_thing = len(alternatives) == 1 or len({e["loc"] for e in alternatives}) == 1
    where = ".".join(parts if one_thing else parts[:depth])
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        closest = nearest(where, _with_sections(field_names(config_class)))
        return f"{where}: unknown key; the nearest is {closest}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] in ("missing", "missing_argument"):
        return f"{where}: missing"
    expected = " or ".join(dict.fromkeys(_expectation(e["msg"]) for e in alternatives))
    return f"{where}: found {_show(error['input'])}, expected {expected}"


def _expectation(message: str) -> str:
    return message.replace("Input should be ", "").replace("String should ", "a string that should ")


def nearest(name: str, names: list[str]) -> str:
    """The one of ``names`` that is most like ``name``."""
    return difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def field_names(config_class: type, prefix: str = "") -> list[str]:
    """Dotted names of every field of a configuration."""
    return [name for name, _ in walk_fields(config_class, prefix)]


def walk_fields(config_class: type, prefix: str = ""):
    """Yield (dotted name, dataclass field) for every leaf of a configuration."""
    for field in dataclasses.fields(config_class):
        name = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(field.type):
            yield from walk_fields(field.type, f"{name}.")
        else:
            yield name, field


def describe(config_class: type) -> str:
    """A line a field: flag, type, default, meaning; for ``--help``."""
    lines = []
    for name, field in walk_fields(config_class):
        info = field.default
        default = getattr(info, "default", info)
        if default is dataclasses.MISSING or "Undefined" in repr(default):
            factory = getattr(info, "default_factory", None)
            default = factory() if factory else "required"
        meaning = getattr(info, "description", None) or ""
        lines.append(f"  --{name} {_type_name(field.type)} [{default}]\n        {meaning}")
    return "\n".join(lines)


def _type_name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is list:
        return "LIST"
    options = [a for a in get_args(kind) if a is not type(None)]
    return "|".join(map(_type_name, options)) if options else getattr(kind, "__name__", str(kind)).upper()


def to_yaml(config: Any) -> str:
    """The whole configuration, resolved; :func:`read_yaml` and :func:`build` give it back equal."""
    return yaml.safe_dump(dataclasses.asdict(config), allow_unicode=True, sort_keys=False)
