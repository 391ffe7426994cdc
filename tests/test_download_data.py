"""download_data.py as a user runs it, and its table against the real files."""

import io
import os
import pty
import subprocess
import sys
import tarfile
import zipfile

import pytest

from common.checksums import difference
from tasks import public_data
from tasks.pcb.config import Data as BoardData
from tasks.sentiment.known_sets import KNOWN_SETS
from tests.conftest import ROOT
from tests.file_server import serving

HOTELS = public_data.find("chnsenticorp_htl_all")
SPLITS = public_data.find("chnsenticorp")
BOARDS = public_data.find("deeppcb")


def path_of(public_set) -> str:
    """What a server is asked for."""
    return public_set.address(mirror="")


@pytest.fixture
def download(command, tmp_path):
    """Run the command with a folder of its own as data root, the licence accepted."""

    def run(name: str, *flags, root=tmp_path / "data"):
        flags = ["--data-root", root, "--accept-licence", *flags]
        return command("download_data.py", name, *flags, NO_PROXY="127.0.0.1", timeout=60)

    return run


def refused(done, message: str) -> None:
    """One line, exit code 2."""
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_list_shows_names_sizes_and_licences(command):
    done = command("download_data.py", "--list")
    assert done.returncode == 0, done.stderr
    for public_set in public_data.ALL:
        assert public_set.name in done.stdout and public_set.licence in done.stdout
    assert "125.8 MB" in done.stdout


def test_parts_stand_where_training_looks_for_them():
    for public_set in public_data.ALL:
        placed = {f"{public_set.folder}/{part.path}" for part in public_set.parts}
        known = KNOWN_SETS.get(public_set.name, {})
        assert {path for path in known.values() if str(path).endswith((".csv", ".tsv"))} <= placed
    assert f"{BOARDS.folder}/PCBData" == BoardData().root


def test_the_table_equals_the_real_files(data_root):
    for public_set in public_data.ALL:
        for part in public_set.parts:
            assert difference(part, data_root / public_set.folder / part.path) is None, part.path


def test_complete_data_are_recognised_and_not_fetched_again(data_root, download):
    with serving({}) as server:
        done = download("chnsenticorp", "--mirror", server.address, root=data_root)
        assert done.returncode == 0, done.stderr
        assert "already complete" in done.stdout and server.sent == []


def test_a_zip_archive_and_a_file_are_installed_and_a_second_call_fetches_nothing(
    data_root, download, tmp_path
):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in SPLITS.parts:
            archive.write(data_root / SPLITS.folder / part.path, f"chnsenticorp/{part.path}")
            archive.writestr(f"__MACOSX/chnsenticorp/._{part.path}", "x")
    hotels = (data_root / HOTELS.folder / HOTELS.parts[0].path).read_bytes()
    with serving({path_of(SPLITS): content.getvalue(), path_of(HOTELS): hotels}) as server:
        for public_set in (SPLITS, HOTELS, SPLITS):
            done = download(public_set.name, "--mirror", f"{server.address}/")
            assert done.returncode == 0, done.stderr
            assert done.stdout.splitlines()[1].strip() == public_set.terms[0]
        assert [path for path, _ in server.sent] == [path_of(SPLITS), path_of(HOTELS)]
    assert public_data.find("chnsenticorp").missing(tmp_path / "data") == []
    assert not list(tmp_path.rglob("*.partial"))


def test_the_archive_of_a_repository_is_installed(data_root, download, tmp_path):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=0) as archive:
        archive.add(data_root / "deeppcb" / "LICENSE", "DeepPCB-1234/LICENSE")
        archive.add(data_root / "deeppcb" / "PCBData", "DeepPCB-1234/PCBData")
    with serving({BOARDS.address("master", ""): content.getvalue()}) as server:
        done = download("deeppcb", "--mirror", server.address, "--commit", "master")
    assert done.returncode == 0, done.stderr
    assert "research purpose" in done.stdout and "4503 files" in done.stdout
    assert [file.name for file in (tmp_path / "data" / "deeppcb").iterdir()] == ["PCBData"]


def test_altered_and_missing_files_are_one_line_and_leave_nothing(download, tmp_path):
    with serving({path_of(HOTELS): bytes(HOTELS.size)}) as server:
        refused(download(HOTELS.name, "--mirror", server.address), "ChnSentiCorp_htl_all.csv: found SHA-256")
        refused(download(SPLITS.name, "--mirror", server.address), "found HTTP 404 Not Found")
        assert not [file for file in tmp_path.rglob("*") if file.is_file()]
    refused(download(HOTELS.name, "--mirror", server.address), "cannot be fetched: Connection refused")


def test_data_that_differ_are_kept(download, tmp_path):
    mine = tmp_path / "data" / HOTELS.folder / HOTELS.parts[0].path
    mine.parent.mkdir(parents=True)
    mine.write_text("label,review\n1,好\n", encoding="utf-8")
    refused(download(HOTELS.name), "found 19 bytes, expected 2,904,858; what is there is kept")
    assert mine.read_text(encoding="utf-8") == "label,review\n1,好\n"


def test_without_a_yes_nothing_is_fetched(command, tmp_path):
    with serving({path_of(HOTELS): bytes(HOTELS.size)}) as server:
        flags = ["--mirror", server.address, "--data-root", tmp_path / "data"]
        done = command("download_data.py", HOTELS.name, *flags)
        refused(done, "terms not accepted, expected yes or --accept-licence")
        assert all(line in done.stdout for line in HOTELS.terms)
        assert server.sent == []
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("answer", "asked"), [("no", 0), ("yes", 1)])
def test_the_answer_on_a_terminal_counts(tmp_path, answer, asked):
    controller, terminal = pty.openpty()
    with serving({path_of(HOTELS): bytes(HOTELS.size)}) as server:
        os.write(controller, f"{answer}\n".encode())
        line = [sys.executable, ROOT / "scripts/download_data.py", HOTELS.name, "--mirror", server.address]
        done = subprocess.run(
            [*line, "--data-root", tmp_path],
            stdin=terminal,
            capture_output=True,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
            timeout=60,
        )
        assert done.returncode == 2 and len(server.sent) == asked
    os.close(controller)
    os.close(terminal)


MISTAKES = {
    "no name": ([], "NAME: found nothing, expected one of online_shopping, chnsenticorp"),
    "unknown name": (["imdb"], "NAME: found 'imdb', expected one of"),
    "no address": (["deeppcb", "--mirror", "mirror"], "--mirror: found 'mirror', expected an address"),
    "broken address": (["deeppcb", "--mirror", "http://["], "--mirror: found 'http://['"),
    "no commit": (["deeppcb", "--commit", "../x"], "--commit: found '../x', expected a commit"),
    "unknown flag": (["deeppcb", "--force"], "unrecognized arguments: --force"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(name, command):
    arguments, message = MISTAKES[name]
    refused(command("download_data.py", *arguments), message)


def test_a_data_root_that_is_a_file_is_one_line(download, tmp_path):
    (tmp_path / "data").touch()
    with serving({path_of(HOTELS): bytes(HOTELS.size)}) as server:
        refused(download(HOTELS.name, "--mirror", server.address), "cannot be written: Not a directory")
