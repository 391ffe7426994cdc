"""Inputs of predict.py: every format, the columns beside the text, and what is refused."""

import json
import re

import pytest

from common.errors import UserError
from tasks.sentiment.texts import texts_of_file


def read(folder, name: str, content):
    content = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(content)
    texts = texts_of_file(folder / name, "评论")
    rows = list(texts.rows)
    assert len(rows) == texts.number
    return texts.columns, rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_other_columns_are_kept_as_written_and_in_order(tmp_path, encoding):
    content = 'id,评论,,类\n01," 很\n好 ",x,水果\n2,差\n'.encode(encoding)
    columns, rows = read(tmp_path, "a.csv", content)
    assert columns == ["id", "评论", "", "类"]
    assert rows == [(["01", " 很\n好 ", "x", "水果"], "很\n好"), (["2", "差", "", ""], "差")]


def test_columns_without_a_name_may_be_several(tmp_path):
    columns, rows = read(tmp_path, "a.csv", "评论,,\n好,1,2\n")
    assert (columns, rows) == (["评论", "", ""], [(["好", "1", "2"], "好")])


def test_rows_without_text_are_rows_and_lines_without_characters_are_none(tmp_path):
    _, rows = read(tmp_path, "a.csv", "id,评论\n\n1,\n,\n")
    assert rows == [(["1", ""], ""), (["", ""], "")]


def test_an_opening_quotation_mark_swallows_no_line_of_a_tsv(tmp_path):
    _, rows = read(tmp_path, "a.TSV", '评论\tid\n"挺好"的\t1\n\n"差\t2\n')
    assert rows == [(['"挺好"的', "1"], '"挺好"的'), (['"差', "2"], '"差')]


def test_json_lines_have_the_fields_of_all_lines(tmp_path):
    lines = [{"评论": "好", "n": 1}, {"tags": ["甲"], "评论": None}, {"评论": "差", "ok": True, "n": 0.5}]
    content = "\n".join(json.dumps(line) for line in lines)
    columns, rows = read(tmp_path, "a.jsonl", content)
    assert columns == ["评论", "n", "tags", "ok"]
    assert rows == [
        (["好", "1", "", ""], "好"),
        (["", "", '["甲"]', ""], ""),
        (["差", "0.5", "", "true"], "差"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_every_line_of_a_text_file_is_a_text(tmp_path, encoding):
    content = "很好, 不错\r\n\r\n\u3000差\n".encode(encoding)
    columns, rows = read(tmp_path, "a.txt", content)
    assert columns == ["text"]
    assert rows == [(["很好, 不错"], "很好, 不错"), ([""], ""), (["\u3000差"], "差")]


BAD = {
    "no_column.csv": ("id,text\n1,好\n", "--text-column: found no column '评论', expected one of id, text"),
    "empty.csv": ("", "--text-column: found no column '评论', expected one of a header"),
    "two_columns.csv": ("评论,评论\n1,好\n", "--text-column: found '评论' twice"),
    "header_only.csv": ("id,评论\n", "found no text, expected at least one"),
    "empty.jsonl": ("\n \n", "found no text, expected at least one"),
    "empty.txt": ("", "found no text, expected at least one"),
    "too_many.csv": ("id,评论\n1,好\n2,好,差\n", "line 3: found 3 fields, expected 2 as in the header"),
    "open_quote.csv": ('评论\n好\n"差\n', "is not CSV: unexpected end of data"),
    "binary.csv": (b"\x89PNG\r\n\xff\xff", "found bytes that are neither UTF-8 nor GB18030"),
    "zero.txt": (b"ok\n\0\n", "line 2: found a zero byte"),
    "broken.jsonl": ('{"评论": "好"}\n{"评论"\n', "line 2: is not JSON"),
    "deep.jsonl": ('{"评论": "好"}\n' + '{"a":' * 100_000, "line 2: is not JSON"),
    "array.jsonl": ("[1]\n", "line 1: found list, expected an object"),
    "no_field.jsonl": (
        '{"评论": "好"}\n{"text": "差"}\n',
        "line 2: --text-column: found no '评论' among text",
    ),
    "list.jsonl": ('{"评论": "好"}\n{"评论": ["差"]}\n', "line 2: 评论: found list, expected text"),
    "half.jsonl": ('{"评论": "好", "a": "\\ud83d"}\n', "line 1: found half of a character"),
    "table.xlsx": (b"PK", "found the ending '.xlsx', expected one of .csv, .tsv, .jsonl, .txt, or -"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_one_line_before_anything_is_predicted(tmp_path, name):
    content, message = BAD[name]
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        read(tmp_path, name, content)
    assert name in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UserError, match="--input: .*no such file, expected one, or - for standard input"):
        texts_of_file(tmp_path / "no.csv", "评论")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        texts_of_file(tmp_path / "folder.csv", "评论")
