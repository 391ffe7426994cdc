"""Inputs of predict.py: every format, and the columns beside the text; damaged ones are in bad_inputs/."""

import json

import pytest

from tasks.sentiment.texts import texts_of_file
from tests.sentiment.text_files import ENCODINGS, write


def read(folder, name: str, content):
    texts = texts_of_file(write(folder, name, content), "评论")
    rows = list(texts.rows)
    assert len(rows) == texts.number
    return texts.columns, rows


@pytest.mark.parametrize("encoding", ENCODINGS)
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
