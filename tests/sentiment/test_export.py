"""Exported models: complete, equal to the run, and refused where they are not."""

import json
import os
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from common.errors import UserError
from common.inference.running import require_packages
from tasks.sentiment.export import TEXTS, export, require_agreement, texts_to_compare
from tasks.sentiment.exported import find_exported
from tasks.sentiment.predict import predict
from tests.exports import FORMATS, NETWORKS, ONNX, changed, cut, export_all, gone, with_onnx
from tests.sentiment.encoder_folders import FAMILIES, hugging_face_folder
from tests.small_runs import categories_run as trained_run

CLASSES = ["其他", "手机", "水果"]
TOKENIZER = {"vocab.txt", "tokenizer_config.json", "special_tokens_map.json"}
BESIDE = {"export.json", "labels.json", *TOKENIZER}


@pytest.fixture(scope="module")
def exports(categories_run, tmp_path_factory):
    """The run as a Paddle model and, where that can be, as ONNX, by format."""
    return export_all(export, categories_run.path, tmp_path_factory.mktemp("exports"))


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_holds_model_tokenizer_labels_and_the_proof(exports, name):
    files = {file.name for file in exports[name].iterdir()} - BESIDE
    assert files in NETWORKS[name]
    assert {file.name for file in exports[name].iterdir()} >= BESIDE
    assert find_exported(exports[name]).labels.classes == tuple(CLASSES)
    described = json.loads((exports[name] / "export.json").read_text(encoding="utf-8"))
    assert described["task"] == "sentiment" and described["max_length"] == 32
    compared = described["compared"]
    assert compared["texts"] == TEXTS + 1 == 101 and compared["allowed"] == 1e-5
    assert set(compared["largest_difference"]) == {"paddle", name}
    assert max(compared["largest_difference"].values()) <= 1e-5


@pytest.mark.parametrize("batch_size", [1, 64])
@pytest.mark.parametrize("name", FORMATS)
def test_an_exported_folder_predicts_as_the_run_does(categories_run, exports, tmp_path, name, batch_size):
    rows = pd.read_csv(categories_run.predictions("validation"), dtype=str, keep_default_na=False)
    texts = [*rows["text"], "", "长" * 500]
    pd.DataFrame({"评论": texts}).to_csv(tmp_path / "a.csv", index=False)
    found = []
    for run in (categories_run.path, exports[name]):
        predict(run, str(tmp_path / "a.csv"), tmp_path / run.name, batch_size=batch_size)
        found.append(pd.read_csv(tmp_path / run.name / "predictions.csv"))
    expected, exported = found
    assert list(exported["label"].fillna("")) == list(expected["label"].fillna(""))
    columns = [f"p_{c}" for c in CLASSES]
    difference = (exported[columns] - expected[columns]).abs().dropna()
    assert len(difference) == len(texts) - 1
    assert difference.to_numpy().max() <= 1e-5
    assert expected[columns].to_numpy()[:-2].std() > 0.05


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_that_started_from_weights_is_exported_when_these_are_gone(tmp_path, family):
    weights = tmp_path / "weights"
    hugging_face_folder(weights, family)
    overrides = {"model": {"weights": str(weights), "pooling": "cls"}, "train": {"epochs": 1}}
    run = trained_run(tmp_path, overrides)
    shutil.rmtree(weights)
    name = "onnx" if ONNX else "paddle"
    export(run.path, name, tmp_path / "out")
    (tmp_path / "a.txt").write_text("手机\n水果\n", encoding="utf-8")
    found = []
    for source in (run.path, tmp_path / "out"):
        predict(source, str(tmp_path / "a.txt"), tmp_path / "predicted", overwrite=True)
        found.append(pd.read_csv(tmp_path / "predicted/predictions.csv"))
    pd.testing.assert_frame_equal(*found, rtol=0, atol=1e-5)


@with_onnx
def test_converting_to_onnx_installs_nothing_and_names_inputs_and_outputs(exports):
    import onnxruntime

    assert not [name for name in sys.modules if name.partition(".")[0] == "polygraphy"]
    assert "POLYGRAPHY_AUTOINSTALL_DEPS" not in os.environ
    session = onnxruntime.InferenceSession(
        str(exports["onnx"] / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    (source,), (target,) = session.get_inputs(), session.get_outputs()
    assert (source.name, source.shape, source.type) == ("token_ids", ["batch", "tokens"], "tensor(int64)")
    assert (target.name, target.shape) == ("probabilities", ["batch", 3])


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_differs_is_refused_and_leaves_nothing(categories_run, tmp_path, name):
    with pytest.raises(UserError, match="probabilities of paddle and run differ by .*nothing was exported"):
        export(categories_run.path, name, tmp_path / "out", allowed=0.0)
    assert not list(tmp_path.iterdir())


def test_every_pair_must_agree_and_a_number_that_is_none_agrees_with_nothing():
    zero = np.zeros((2, 2))
    found = require_agreement({"run": zero, "paddle": zero + 6e-6, "onnx": zero + 3e-6}, 1e-5)
    assert found == pytest.approx({"paddle": 6e-6, "onnx": 3e-6})
    with pytest.raises(UserError, match="probabilities of onnx and paddle differ by 1.2e-05"):
        require_agreement({"run": zero, "paddle": zero + 6e-6, "onnx": zero - 6e-6}, 1e-5)
    with pytest.raises(UserError, match="probabilities of paddle and run differ by nan"):
        require_agreement({"run": zero, "paddle": zero * np.nan}, 1e-5)


def test_texts_to_compare_are_a_hundred_and_one_of_the_greatest_length(categories_run):
    texts = texts_to_compare(categories_run)
    validation = pd.read_csv(categories_run.predictions("validation"), dtype=str)["text"]
    assert len(set(texts[:-1])) == len(texts) - 1 == 100
    assert texts[: len(validation)] == list(validation)
    assert texts[-1] == "".join(texts[:-1])


def test_a_folder_that_is_there_is_refused_and_an_empty_one_is_taken(categories_run, tmp_path):
    (tmp_path / "file").write_text("mine")
    for output in (tmp_path, tmp_path / "file"):
        with pytest.raises(UserError, match="exists, expected the name of a new folder"):
            export(categories_run.path, "paddle", output)
    with pytest.raises(UserError, match="cannot be written"):
        export(categories_run.path, "paddle", tmp_path / "file" / "out")
    (tmp_path / "empty").mkdir()
    export(categories_run.path, "paddle", tmp_path / "empty")
    assert {file.name for file in (tmp_path / "empty").iterdir()} > BESIDE


def test_an_export_is_not_exported_again(exports, tmp_path):
    with pytest.raises(UserError, match="found no config.yaml, expected a folder that train.py has written"):
        export(exports["paddle"], "paddle", tmp_path / "out")


def test_a_missing_package_is_one_line_that_names_the_extra():
    with pytest.raises(
        UserError, match="no_such_package is not installed, expected the extra onnx: pip install"
    ):
        require_packages("json", "no_such_package")


DAMAGED = {
    "no parameters": ("paddle", gone("model.pdiparams"), "found no model.pdiparams"),
    "cut parameters": ("paddle", cut("model.pdiparams"), "Paddle cannot load the model"),
    "cut network": ("paddle", cut("model.json"), "Paddle cannot load the model"),
    "no tokenizer": ("paddle", gone("tokenizer_config.json"), "found no tokenizer_config.json"),
    "no vocabulary": ("paddle", gone("vocab.txt"), "the tokenizer cannot be loaded"),
    "empty vocabulary": ("paddle", cut("vocab.txt", 0), "the tokenizer cannot be loaded"),
    "no labels": ("paddle", gone("labels.json"), "labels.json: no such file"),
    "other labels": (
        "paddle",
        changed("labels.json", classes=["a", "b"]),
        "found a model of 3 classes, expected 2",
    ),
    "cut description": ("paddle", cut("export.json"), "export.json: is not JSON"),
    "unknown format": (
        "paddle",
        changed("export.json", format="tflite"),
        "format: found 'tflite', expected one of",
    ),
    "no length": ("paddle", changed("export.json", max_length="128"), "max_length: found '128', expected"),
    "cut onnx": ("onnx", cut("model.onnx"), "onnxruntime cannot load the model"),
    "no onnx": ("onnx", gone("model.onnx"), "found no model.onnx"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_export_is_one_line(exports, tmp_path, case):
    name, damage, message = DAMAGED[case]
    if name not in exports or (case == "cut network" and not (exports[name] / "model.json").exists()):
        pytest.skip("not written by what is installed")
    shutil.copytree(exports[name], tmp_path / "export")
    damage(tmp_path / "export")
    (tmp_path / "a.txt").write_text("好\n", encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(message)):
        predict(tmp_path / "export", str(tmp_path / "a.txt"), tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))
