"""Weights from pickles: what Paddle and torch write arrives exactly, and nothing is ever run."""

import pickle

import hypothesis
import hypothesis.extra.numpy as arrays_of
import numpy as np
import paddle
import pytest
from hypothesis import strategies
from safetensors import safe_open
from safetensors.numpy import load_file

from common.errors import UserError
from common.weights_conversion import convert, read_weights
from tests.common.torch_files import equal, row, state_dict, tensor, zip_file

PICKLE = state_dict({"a": tensor("0", "f4", 6, 0, (2, 3), (3, 1))})

KINDS = strategies.sampled_from(["<f4", ">f4", "<f2", "<f8", "<i8", ">i4", "|u1", "|i1", "|b1"])
ARRAYS = KINDS.flatmap(lambda kind: arrays_of.arrays(kind, arrays_of.array_shapes(min_dims=0, min_side=0)))


@hypothesis.settings(deadline=None, max_examples=60, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    strategies.dictionaries(strategies.text(max_size=5), ARRAYS, min_size=1),
    strategies.integers(2, 5),
    strategies.booleans(),
)
def test_arrays_arrive_as_numpy_pickled_them(tmp_path, tree, protocol, fortran):
    if fortran:
        tree = {name: np.asarray(array, order="F") for name, array in tree.items()}
    file = tmp_path / "a.pdparams"
    file.write_bytes(pickle.dumps(tree, protocol=protocol))
    assert equal(read_weights(file).arrays, tree)


def test_arrays_arrive_from_python_2_and_from_numpy_2(tmp_path):
    file = tmp_path / "a.pdparams"
    file.write_bytes(pickle.dumps({"a": np.arange(2, dtype="f4")}, 2).replace(b"numpy.core", b"numpy._core"))
    assert equal(read_weights(file).arrays, {"a": np.arange(2, dtype="f4")})
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    dtype = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = b"(K\x01(K\x02t" + dtype + b"\x89U\x08" + np.float32([-1, 3.5]).tobytes() + b"tb"
    file.write_bytes(b"\x80\x02}U\x01a" + array + state + b"s.")
    assert equal(read_weights(file).arrays, {"a": np.float32([-1, 3.5])})


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_paddle_saves_arrives(tmp_path, protocol):
    layer = paddle.nn.Sequential(paddle.nn.Conv2D(2, 3, 1), paddle.nn.BatchNorm2D(3))
    expected = {name: value.numpy() for name, value in layer.state_dict().items()}
    paddle.save(layer.state_dict(), str(tmp_path / "a.pdparams"), protocol=protocol)
    weights = read_weights(tmp_path / "a.pdparams")
    assert weights.format == "np" and weights.left_out == ["StructuredToParameterName@@"]
    assert equal(weights.arrays, expected)
    paddle.save({"epoch": 3, "model": layer.state_dict()}, str(tmp_path / "b.pdparams"), protocol=protocol)
    weights = read_weights(tmp_path / "b.pdparams")
    assert weights.left_out == ["epoch"] and equal(weights.arrays, expected)


def test_bfloat16_of_paddle_becomes_float32(tmp_path):
    numbers = paddle.to_tensor([1.0, -2.5, 3e38])
    paddle.save({"a": numbers.astype("bfloat16")}, str(tmp_path / "a.pdparams"))
    expected = numbers.astype("bfloat16").astype("float32").numpy()
    assert equal(read_weights(tmp_path / "a.pdparams").arrays, {"a": expected})


def test_several_sets_and_sliced_arrays_are_refused(tmp_path):
    file = tmp_path / "a.pdparams"
    file.write_bytes(pickle.dumps({"ema": {"a": np.zeros(2)}, "student": {"a": np.zeros(2)}}))
    with pytest.raises(UserError, match="found weights at ema, student, expected one set of them"):
        read_weights(file)
    file.write_bytes(pickle.dumps({"a@@.0": np.zeros(2), "UnpackBigParamInfor@@": {}}))
    with pytest.raises(UserError, match="found arrays in slices"):
        read_weights(file)


def test_a_converted_folder_has_weights_metadata_and_description(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    zip_file(source / "pytorch_model.bin", PICKLE, {"0": row(6)})
    (source / "config.json").write_text("{}")
    (source / "vocab.txt").write_text("好\n", encoding="utf-8")
    (source / "notes.txt").write_text("x")
    _, copied = convert(source / "pytorch_model.bin", tmp_path / "output")
    assert copied == ["config.json", "vocab.txt"]
    assert {f.name for f in (tmp_path / "output").iterdir()} == {
        "config.json",
        "vocab.txt",
        "model.safetensors",
    }
    with safe_open(str(tmp_path / "output/model.safetensors"), framework="numpy") as file:
        assert file.metadata() == {"format": "pt"}
    with pytest.raises(UserError, match="model.safetensors exists, expected a folder without weights"):
        convert(source / "pytorch_model.bin", tmp_path / "output")
    convert(source / "pytorch_model.bin", source)
    assert equal(load_file(str(source / "model.safetensors")), {"a": np.arange(6, dtype="f4").reshape(2, 3)})


def test_an_output_of_another_model_is_refused(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "output").mkdir()
    file = zip_file(tmp_path / "source/a.bin", PICKLE, {"0": row(6)})
    (tmp_path / "source/config.json").write_text("{}")
    (tmp_path / "output/config.json").write_text("[]")
    with pytest.raises(UserError, match="config.json differs from the one beside"):
        convert(file, tmp_path / "output")
    with pytest.raises(UserError, match="is a file, expected a folder"):
        convert(file, file)
    with pytest.raises(UserError, match="no such file, expected weights"):
        convert(tmp_path / "source", tmp_path / "new")
    assert not (tmp_path / "new").exists()
