"""Files and folders known by checksum: what is there, what is missing, what differs."""

import subprocess

import pytest

from common.checksums import Part, difference, file_sha256, folder_sha256, missing_parts
from common.errors import UserError

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def folder(tmp_path):
    """Three files, in an order that differs from that of their folders."""
    for name in ("b/1.txt", "b.txt", "B/2.txt"):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_text(name)
    return tmp_path / "f"


def test_checksums_are_those_of_the_shell(folder):
    (folder / "empty").touch()
    assert file_sha256(folder / "empty") == EMPTY
    line = "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    said = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert folder_sha256(folder) == said.split()[0]


def test_a_folder_differs_by_number_size_content_and_name_of_files(folder):
    part = Part("f", folder_sha256(folder), 19, 3)
    assert difference(part, folder) is None
    (folder / "b.txt").write_text("B.txt")
    assert "found SHA-256" in difference(part, folder)
    (folder / "b.txt").write_text("longer than before")
    assert difference(part, folder) == "found 32 bytes in its files, expected 19"
    (folder / "b.txt").write_text("b.txt")
    (folder / "b.txt").rename(folder / "c.txt")
    assert "found SHA-256" in difference(part, folder)
    (folder / "c.txt").unlink()
    assert difference(part, folder) == "found 2 files, expected 3"


def test_parts_are_missing_there_or_refused(tmp_path):
    (tmp_path / "a").touch()
    a, b = Part("a", EMPTY, 0), Part("b", EMPTY, 0)
    assert missing_parts([a, b], tmp_path) == [b]
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match="b: found no file, expected one; what is there is kept"):
        missing_parts([a, b], tmp_path)
    with pytest.raises(UserError, match="a: found no folder, expected one"):
        missing_parts([Part("a", EMPTY, 0, 1)], tmp_path)
