"""Both file formats of torch.save, without torch."""

import zipfile

import numpy as np
import pytest

from common.errors import UserError
from common.weights_conversion import read_weights
from tests.common.torch_files import equal, legacy_file, row, state_dict, tensor, zip_file


def views(legacy: bool) -> dict[str, bytes]:
    return {
        "whole": tensor("0", "f4", 6, 0, (2, 3), (3, 1), legacy),
        "transposed": tensor("0", "f4", 6, 0, (3, 2), (1, 3), legacy),
        "slice": tensor("0", "f4", 6, 2, (3,), (1,), legacy),
        "single": tensor("0", "f4", 6, 5, (), (), legacy),
        "empty": tensor("0", "f4", 6, 0, (0, 4), (4, 1), legacy),
    }


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_of_torch_arrive_as_views_of_their_storage(tmp_path, legacy):
    write = legacy_file if legacy else zip_file
    weights = read_weights(write(tmp_path / "a.bin", state_dict(views(legacy)), {"0": row(6)}))
    whole = np.arange(6, dtype="f4").reshape(2, 3)
    expected = {"whole": whole, "transposed": whole.T, "slice": whole.ravel()[2:5]}
    expected.update(single=np.float32(5).reshape(()), empty=np.zeros((0, 4), "f4"))
    assert weights.format == "pt" and equal(weights.arrays, expected)


def test_every_type_of_storage_arrives(tmp_path):
    codes = ["f4", "f2", "i8", "bfloat16"]
    tensors = {code: tensor(code, code, 3, 0, (3,), (1,)) for code in codes}
    file = zip_file(tmp_path / "a.pt", state_dict(tensors), {code: row(3, code) for code in codes}, "run-1")
    expected = {code: np.arange(3, dtype="f4" if code == "bfloat16" else code) for code in codes}
    assert equal(read_weights(file).arrays, expected)


OUTSIDE = {
    "behind the end": (6, (2,), (1,)),
    "one too many": (1, (2, 3), (3, 1)),
    "a negative offset": (-1, (2,), (1,)),
    "a negative stride": (5, (2,), (-1,)),
    "a long stride": (0, (2,), (6,)),
    "a number repeated": (0, (1000, 1000), (0, 0)),
    "strides of another shape": (0, (2, 3), (1,)),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_tensor_outside_its_storage_is_refused(tmp_path, name):
    pickled = state_dict({"a": tensor("0", "f4", 6, *OUTSIDE[name])})
    with pytest.raises(UserError, match="is damaged or holds no weights: found a tensor"):
        read_weights(zip_file(tmp_path / "a.bin", pickled, {"0": row(6)}))


PICKLE = state_dict({"a": tensor("0", "f4", 6, 0, (2, 3), (3, 1))})
ARCHIVES = {
    "a path that climbs": ({"extra": {"archive/../../x": b""}}, "the path 'archive/../../x'"),
    "an absolute path": ({"extra": {"/tmp/x": b""}}, "the path '/tmp/x'"),
    "a path of Windows": ({"extra": {"C:x": b""}}, "the path 'C:x'"),
    "two pickles": ({"extra": {"other/data.pkl": PICKLE}}, "2 files data.pkl"),
    "no pickle": ({"root": "a/b"}, "0 files data.pkl"),
    "big-endian numbers": ({"order": b"big"}, "numbers of another byte order"),
    "no storage": ({"storages": {"1": row(6)}}, "no 'archive/data/0', of which the pickle speaks"),
    "a short storage": ({"storages": {"0": row(5)}}, "'archive/data/0' of 20 bytes, where 24 are due"),
    "a climbing key": (
        {"pickled": state_dict({"a": tensor("../../etc/passwd", "f4", 6, 0, (6,), (1,))})},
        "no 'archive/data/../../etc/passwd', of which",
    ),
    "compression": ({"compression": zipfile.ZIP_DEFLATED}, "compressed files in the archive"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_torch_did_not_write_is_refused(tmp_path, name):
    changes, message = ARCHIVES[name]
    root, storages = changes.get("root", "archive"), changes.get("storages", {"0": row(6)})
    with zipfile.ZipFile(tmp_path / "a.bin", "w", changes.get("compression", 0)) as archive:
        archive.writestr(f"{root}/data.pkl", changes.get("pickled", PICKLE))
        archive.writestr(f"{root}/byteorder", changes.get("order", b"little"))
        for key, content in storages.items():
            archive.writestr(f"{root}/data/{key}", content)
        for path, content in changes.get("extra", {}).items():
            archive.writestr(path, content)
    with pytest.raises(UserError) as error:
        read_weights(tmp_path / "a.bin")
    assert message in str(error.value)


def test_a_name_that_is_no_text_is_refused(tmp_path):
    file = zip_file(tmp_path / "a.bin", PICKLE, {"0": row(6), "é": b""})
    file.write_bytes(file.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(UserError, match="a broken zip archive"):
        read_weights(file)
