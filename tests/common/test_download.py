"""Fetching and installing, against a real server on loopback that behaves well and badly."""

import hashlib
import io
import socket
import zipfile

import numpy as np
import pytest

from common.checksums import Part, missing_parts
from common.download import fetch, install
from common.errors import UserError
from tests.file_server import serving

CONTENT = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
PART = Part("a.csv", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def place(tmp_path):
    """Where a file is fetched to; nothing is there yet."""
    return tmp_path / "data" / "a.partial" / "a.csv"


def leave_partial(place, content: bytes):
    place.parent.mkdir(parents=True)
    place.with_name("a.csv.partial").write_bytes(content)


def install_csv(server, place) -> None:
    install(f"{server.address}/a.csv", [PART], place.parents[1], place, PART.size)


def test_a_good_download_is_installed_and_leaves_nothing_else(place):
    with serving({"/a.csv": CONTENT}) as server:
        install_csv(server, place)
    folder = place.parents[1]
    assert [file.name for file in folder.iterdir()] == ["a.csv"]
    assert (folder / "a.csv").read_bytes() == CONTENT
    assert missing_parts([PART], folder) == []


def test_a_broken_off_download_is_kept_out_of_place_and_only_the_rest_is_sent_next_time(place):
    with serving({"/a.csv": CONTENT}, cut=200_000) as server:
        with pytest.raises(UserError, match=r"broke off after [\d,]+ of 300,000 bytes.* continues there"):
            install_csv(server, place)
        assert not (place.parents[1] / "a.csv").exists()
        held = place.with_name("a.csv.partial").stat().st_size
        assert 0 < held <= 200_000
        server.cut = None
        install_csv(server, place)
        assert server.sent[1:] == [("/a.csv", 300_000 - held)]
    assert (place.parents[1] / "a.csv").read_bytes() == CONTENT


@pytest.mark.parametrize("behaviour", [{"ranges": False}, {"shift": 7}])
def test_a_server_without_ranges_or_with_wrong_ones_sends_the_whole_file(place, behaviour):
    leave_partial(place, CONTENT[:1000])
    with serving({"/a.csv": CONTENT}, **behaviour) as server:
        install_csv(server, place)
        assert server.sent[-1] == ("/a.csv", 300_000)
    assert (place.parents[1] / "a.csv").read_bytes() == CONTENT


def test_a_whole_but_unfinished_file_is_fetched_again(place):
    leave_partial(place, CONTENT)
    with serving({"/a.csv": CONTENT}) as server:
        install_csv(server, place)
    assert (place.parents[1] / "a.csv").read_bytes() == CONTENT


BAD = {
    "altered": ({"/a.csv": OTHER}, {}, "a.csv: found SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}"),
    "shorter": ({"/a.csv": CONTENT[:-1]}, {}, "a.csv: found 299,999 bytes, expected 300,000"),
    "longer": ({"/a.csv": CONTENT + b"x"}, {}, "found 300,001 bytes, expected at most 300,000"),
    "endless": ({"/a.csv": CONTENT * 9}, {"lengths": False}, "found more than 300,000 bytes"),
    "missing": ({}, {}, "/a.csv: found HTTP 404 Not Found, expected the file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_the_file_is_refused_and_thrown_away(place, name):
    files, behaviour, message = BAD[name]
    with serving(files, **behaviour) as server, pytest.raises(UserError, match=message) as raised:
        install_csv(server, place)
    assert "\n" not in str(raised.value)
    assert not place.parent.exists()
    assert not (place.parents[1] / "a.csv").exists()


def test_a_rest_that_does_not_belong_to_the_beginning_is_thrown_away(place):
    leave_partial(place, OTHER[:1000])
    with serving({"/a.csv": CONTENT}) as server:
        with pytest.raises(UserError, match="found SHA-256"):
            install_csv(server, place)
        install_csv(server, place)
        assert server.sent == [("/a.csv", 299_000), ("/a.csv", 300_000)]


def test_a_server_that_is_not_there(place):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(UserError, match="cannot be fetched: Connection refused"):
            fetch(f"{address}/a.csv", place, 10)
    assert not place.parent.exists()


def test_a_server_that_falls_silent(place, monkeypatch):
    monkeypatch.setattr("common.download.TIMEOUT", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UserError, match="no answer for 0.2 seconds"):
            fetch(f"{address}/a.csv", place, 10)


def test_a_full_disk_is_one_line(place):
    place.parent.mkdir(parents=True)
    place.with_name("a.csv.partial").symlink_to("/dev/full")
    message = "cannot be written: No space left on device"
    with serving({"/a.csv": CONTENT}) as server, pytest.raises(UserError, match=message):
        install_csv(server, place)
    assert not (place.parents[1] / "a.csv").exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "data").write_text("a file")
    message = "data/a.partial: cannot be written: Not a directory"
    with serving({"/a.csv": CONTENT}) as server, pytest.raises(UserError, match=message):
        install_csv(server, tmp_path / "data" / "a.partial" / "a.csv")
    assert (tmp_path / "data").read_text() == "a file"


def test_of_an_archive_only_the_missing_parts_are_installed_or_none(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("set/a.csv", CONTENT)
        archive.writestr("set/b.csv", OTHER)
    good = Part("b.csv", hashlib.sha256(OTHER).hexdigest(), len(OTHER))
    wrong = Part("b.csv", PART.sha256, len(OTHER))
    fetched = tmp_path / "a.partial" / "a.zip"
    with serving({"/a.zip": content.getvalue()}) as server:
        address = f"{server.address}/a.zip"
        with pytest.raises(UserError, match="b.csv: found SHA-256 .*; nothing was installed"):
            install(address, [PART, wrong], tmp_path, fetched, 10**6)
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "a.csv").write_bytes(CONTENT)
        missing = missing_parts([PART, good], tmp_path)
        assert missing == [good]
        install(address, missing, tmp_path, fetched, 10**6)
    assert {file.name for file in tmp_path.iterdir()} == {"a.csv", "b.csv"}
