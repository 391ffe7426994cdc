"""No pickle reaches anything but arrays, and none is believed."""

import builtins
import collections
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from common import array_unpickler
from common.errors import UserError
from common.weights_conversion import convert, read_weights
from tests.common.torch_files import legacy_file, numbers, row, state_dict, tensor, text, zip_file


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts


def malicious(mark: Path) -> dict[str, tuple[bytes, str]]:
    """Pickles that make the file ``mark`` or prepare to, and the name that gives them away."""
    touch = f"touch {mark}"
    within = {"a": np.zeros(2, "f4"), "b": {"c": [Call(os.system, touch)]}}
    fromkeys = b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93."
    return {
        "os.system": (pickle.dumps(Call(os.system, touch), protocol=2), "posix.system"),
        "os.system within": (pickle.dumps(within, protocol=4), "posix.system"),
        "eval": (pickle.dumps(Call(eval, f"open({str(mark)!r}, 'w')"), protocol=4), "builtins.eval"),
        "exec": (pickle.dumps(Call(exec, f"open({str(mark)!r}, 'w')"), protocol=2), "__builtin__.exec"),
        "open": (pickle.dumps(Call(open, str(mark), "w"), protocol=4), "io.open"),
        "getattr": (pickle.dumps(getattr, protocol=4), "builtins.getattr"),
        "INST": (b"\x80\x02(" + text(touch) + b"ios\nsystem\n.", "os.system"),
        "a method of what is allowed": (fromkeys, "collections.OrderedDict.fromkeys"),
        "numpy.load": (b"\x80\x02cnumpy\nload\n" + text("x") + b"\x85R.", "numpy.load"),
        "an extension": (b"\x80\x02\x82\x01.", "extension 1"),
    }


@pytest.mark.parametrize("name", malicious(Path("mark")))
@pytest.mark.parametrize("kind", ["pdparams", "zip", "legacy"])
def test_a_malicious_pickle_is_refused_by_name_and_not_run(tmp_path, name, kind):
    mark = tmp_path / "mark"
    pickled, forbidden = malicious(mark)[name]
    file = tmp_path / "a.bin"
    if kind == "pdparams":
        file.write_bytes(pickled)
    else:
        {"zip": zip_file, "legacy": legacy_file}[kind](file, pickled, {"0": row(1)})
    with pytest.raises(UserError) as error:
        convert(file, tmp_path / "output")
    assert f"found {forbidden!r} in the pickle, expected nothing but arrays" in str(error.value)
    assert "\n" not in str(error.value)
    assert not mark.exists() and not (tmp_path / "output").exists()


def test_a_pickle_cannot_change_what_it_may_call(tmp_path):
    state = b"}" + text("function") + b"cbuiltins\ndict\ns"
    for name in array_unpickler.ALLOWED:
        module, _, attribute = name.rpartition(".")
        for wrapped in (state, b"N" + state + b"\x86"):
            (tmp_path / "a.bin").write_bytes(
                f"\x80\x02c{module}\n{attribute}\n".encode("latin1") + wrapped + b"b."
            )
            with pytest.raises(UserError, match="a constructor with a state"):
                read_weights(tmp_path / "a.bin")
    assert builtins.dict is dict and collections.OrderedDict.__module__ == "collections"


DTYPE = b"cnumpy\ndtype\n" + text("f4") + b"\x89\x88\x87R"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n)R"


def array_with(shape, dtype=DTYPE, content=b"C\x08\0\0\0\0\0\0\0\0") -> bytes:
    return b"\x80\x03}" + text("a") + ARRAY + b"(K\x01" + numbers(shape) + dtype + b"\x89" + content + b"tbs."


IMPOSSIBLE = {
    "more numbers than bytes": array_with((3,)),
    "a negative shape": array_with((-2, -1)),
    "objects": array_with((2,), b"cnumpy\ndtype\n" + text("O8") + b"\x85R"),
    "a structure": array_with((2,), b"cnumpy\ndtype\n" + text("f4,f4") + b"\x85R"),
    "a list of numbers": array_with((2,), content=b"]"),
    "no type": array_with((2,), b"N"),
    "a memo of 64 GB": b"\x80\x02Nr\xff\xff\xff\xff.",
    "a string of 4 EB": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"x.",
    "a persistent id": b"\x80\x02" + tensor("0", "f4", 2, 0, (2,), (1,)) + b".",
    "a type that is called": b"\x80\x02cnumpy\nndarray\n)R.",
    "no dictionary": pickle.dumps([np.zeros(2)]),
    "no arrays": pickle.dumps({"epoch": 3}),
    "numbers for names": pickle.dumps({0: np.zeros(2)}),
    "text": b"weights",
    "nothing": b"",
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_is_no_set_of_weights_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "a.pdparams").write_bytes(IMPOSSIBLE[name])
    with pytest.raises(UserError, match="a.pdparams: is damaged or holds no weights: found"):
        convert(tmp_path / "a.pdparams", tmp_path / "output")
    assert not (tmp_path / "output").exists()


PICKLE = state_dict({"a": tensor("0", "f4", 6, 0, (2, 3), (3, 1))})


def good_files(folder: Path) -> list[Path]:
    (folder / "a.pdparams").write_bytes(pickle.dumps({"a": np.arange(6, dtype="f4")}, protocol=2))
    old = state_dict({"a": tensor("0", "f4", 6, 0, (2, 3), (3, 1), legacy=True)})
    return [
        folder / "a.pdparams",
        zip_file(folder / "zip.bin", PICKLE, {"0": row(6)}),
        legacy_file(folder / "old.bin", old, {"0": row(6)}),
    ]


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path):
    for file in good_files(tmp_path):
        whole = file.read_bytes()
        read_weights(file)
        for length in range(len(whole)):
            file.write_bytes(whole[:length])
            with pytest.raises(UserError):
                read_weights(file)


def test_a_file_with_a_changed_byte_is_read_or_refused_but_never_more(tmp_path):
    rng = np.random.default_rng(0)
    for file in good_files(tmp_path):
        whole = file.read_bytes()
        for place in range(len(whole)):
            changed = bytearray(whole)
            changed[place] ^= rng.integers(1, 256)
            file.write_bytes(changed)
            try:
                found = read_weights(file).arrays
            except UserError as error:
                assert "\n" not in str(error)
            else:
                assert all(isinstance(array, np.ndarray) for array in found.values())
