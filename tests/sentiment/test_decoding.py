"""Encodings of long files and of streams: characters cut by blocks, and faults named by their line."""

import io
import random
import re

import pytest

from common.errors import UserError
from tasks.sentiment.decoding import BLOCK, file_encoding, stream_lines

LONG = [f"评论{i}：这个手机真的很好用！" for i in range(10_000)]
TEXT = "\n".join(LONG) + "\n"
ENCODINGS = {"utf-8": "utf-8-sig", "utf-8-sig": "utf-8-sig", "gb18030": "gb18030", "utf-16": "utf-16"}


class Dribble(io.RawIOBase):
    """A pipe that gives what it holds in pieces of any size."""

    def __init__(self, content: bytes):
        self.content, self.rng = content, random.Random(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        number = min(len(buffer), self.rng.randint(1, 5000), len(self.content))
        buffer[:number], self.content = self.content[:number], self.content[number:]
        return number


def lines(content: bytes) -> list[str]:
    return list(stream_lines(io.BufferedReader(Dribble(content)), "standard input"))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("shift", range(4))
def test_characters_are_whole_wherever_blocks_end(tmp_path, encoding, shift):
    content = ("a" * shift + TEXT).encode(encoding)
    (tmp_path / "a.txt").write_bytes(content)
    assert len(content) > 2 * BLOCK
    assert file_encoding(tmp_path / "a.txt") == ENCODINGS[encoding]
    assert lines(content) == ["a" * shift + LONG[0], *LONG[1:]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_a_stream(end):
    assert lines(end.join(["好", "", " 差 "]).encode()) == ["好", "", " 差 "]
    assert lines(end.join([*LONG, ""]).encode()) == LONG


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "standard input: found nothing, expected at least one line"),
        (b"ok\nok\n\xff\xff\n", "standard input: line 3: found bytes that are neither UTF-8 nor GB18030"),
        (b"ok\n\0\n", "standard input: line 2: found a zero byte, expected text"),
        (
            (TEXT + "后").encode()[:-1],
            "standard input: line 10001: found bytes that are not UTF-8, as those before it are",
        ),
        (TEXT.encode() + b"ok\n\0", "standard input: line 10002: found a zero byte"),
        (
            TEXT.encode("gb18030") + b"ok\n\xff\xff",
            "standard input: line 10002: found bytes that are not GB18030, as those before it are",
        ),
    ],
)
def test_a_fault_in_a_stream_is_named_by_its_line(content, message):
    with pytest.raises(UserError, match=re.escape(message)):
        lines(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.encode() + b"ok\n\xff\xff", "line 10002: found bytes that are neither UTF-8 nor GB18030"),
        (TEXT.encode() + b"\0", "line 10001: found a zero byte"),
        (TEXT.encode("utf-16")[:-1], "line 10000: found bytes that are not UTF-16, expected it"),
        # A byte of this character is that of a line's end.
        ("\u4e0a\n".encode("utf-16") + b"a", "line 2: found bytes that are not UTF-16"),
    ],
)
def test_a_fault_deep_in_a_file_is_named_by_its_line(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UserError, match=re.escape(message)):
        file_encoding(tmp_path / "a.csv")
