"""Unpacking: only what is wanted, and nothing outside the folder."""

import io
import subprocess
import tarfile
import zipfile

import pytest

from common.archives import DamagedDownload, unpack
from common.errors import UserError

LIMIT = 100_000


def make_zip(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path, members: dict[str, bytes], *others: tarfile.TarInfo):
    with tarfile.open(path, f"w:{path.suffix[1:]}") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in others:
            archive.addfile(member)
    return path


MAKERS = {".zip": make_zip, ".tar.gz": make_tar, ".tar.xz": make_tar}


def files_below(folder) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.fixture(params=MAKERS)
def made(request, tmp_path):
    """Makes an archive of either format beside the empty folder ``out``."""
    (tmp_path / "out").mkdir()
    return lambda members: MAKERS[request.param](tmp_path / f"a{request.param}", members)


def test_wanted_files_and_folders_come_out_without_what_stands_in_front(made, tmp_path):
    members = {
        "set-1/README.md": b"no",
        "set-1/a.csv": b"1",
        "__MACOSX/._a.csv": b"no",
        "set-1/pictures/x/1.jpg": b"2",
        "set-1/pictures.txt": b"no",
        "set-1/评论.csv": b"3",
    }
    unpack(made(members), ["a.csv", "pictures", "评论.csv"], tmp_path / "out", LIMIT)
    assert files_below(tmp_path / "out") == {"a.csv": b"1", "pictures/x/1.jpg": b"2", "评论.csv": b"3"}


def test_the_archive_that_git_makes_of_a_repository(tmp_path):
    repository = tmp_path / "repository"
    (repository / "data").mkdir(parents=True)
    (repository / "data" / "a.csv").write_bytes(b"1")
    (repository / "README.md").write_bytes(b"no")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", repository]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "data"]):
        subprocess.run([*git, *arguments], check=True)
    archive = tmp_path / "a.tar.gz"
    subprocess.run([*git, "archive", "--prefix=set-1234/", "-o", archive, "HEAD"], check=True)
    unpack(archive, ["data"], tmp_path / "out", LIMIT)
    assert files_below(tmp_path / "out") == {"data/a.csv": b"1"}


@pytest.mark.parametrize(
    "name",
    ["../a.csv", "/a.csv", "x/../../a.csv", "..\\a.csv", "C:\\a.csv", "C:a.csv", "\\\\host\\share\\a.csv"],
)
def test_paths_that_leave_the_folder_are_refused(made, tmp_path, name):
    before = set(tmp_path.rglob("*"))
    archive = made({name: b"evil"})
    with pytest.raises(DamagedDownload, match="a path that leaves the folder"):
        unpack(archive, ["a.csv"], tmp_path / "out", LIMIT)
    assert set(tmp_path.rglob("*")) == before | {archive}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_file_are_refused(tmp_path, kind):
    member = tarfile.TarInfo("a")
    member.type, member.linkname = kind, "/etc"
    archive = make_tar(tmp_path / "a.tar.gz", {}, member)
    with pytest.raises(DamagedDownload, match="found 'a', a link or device; expected files only"):
        unpack(archive, ["b"], tmp_path / "out", LIMIT)
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_file_is_refused(tmp_path):
    link = zipfile.ZipInfo("a")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(DamagedDownload, match="found 'a', a link or device; expected files only"):
        unpack(tmp_path / "a.zip", ["a"], tmp_path / "out", LIMIT)


def test_what_unpacks_to_more_than_the_limit_is_refused(made, tmp_path):
    archive = made({"a.csv": bytes(100 * LIMIT)})
    assert archive.stat().st_size < LIMIT
    with pytest.raises(DamagedDownload, match="unpacks to more than"):
        unpack(archive, ["a.csv"], tmp_path / "out", LIMIT)
    assert sum(map(len, files_below(tmp_path / "out").values())) <= LIMIT


def test_an_unwanted_bomb_in_a_tar_file_is_refused_too(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", {"bomb": bytes(100 * LIMIT), "a.csv": b"1"})
    with pytest.raises(DamagedDownload, match="unpacks to more than"):
        unpack(archive, ["a.csv"], tmp_path / "out", LIMIT)


def test_a_member_that_stands_twice_is_refused(made, tmp_path):
    with pytest.raises(DamagedDownload, match="found 'y/a.csv' twice"):
        unpack(made({"x/a.csv": b"1", "y/a.csv": b"2"}), ["a.csv"], tmp_path / "out", LIMIT)


@pytest.mark.parametrize("damage", ["cut", "altered", "text", "empty"])
def test_a_damaged_archive_is_one_line(made, tmp_path, damage):
    archive = made({"a.csv": bytes(range(256)) * 100})
    content = bytearray(archive.read_bytes())
    for position in range(60, 160):
        content[position] ^= 0xFF
    wrong = {
        "cut": archive.read_bytes()[:-60],
        "altered": content,
        "text": b"<html>sign in</html>",
        "empty": b"",
    }
    archive.write_bytes(wrong[damage])
    with pytest.raises(DamagedDownload, match="is damaged or no"):
        unpack(archive, ["a.csv"], tmp_path / "out", LIMIT)


def test_a_folder_that_cannot_be_written_to_is_one_line(made, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written: "):
        unpack(made({"a.csv": b"1"}), ["a.csv"], tmp_path / "file", LIMIT)
