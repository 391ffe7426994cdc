"""Labelled files as people have them: encodings, quotes, line ends; damaged ones are in bad_inputs/."""

import json

import pytest

from tasks.sentiment.reading import Columns, read_rows
from tests.sentiment.text_files import ENCODINGS, write

COLUMNS = Columns("评论", "情感")
TABLE = "评论,情感\n还行,中性\n很好,正面\n"
EXPECTED = [("还行", "中性"), ("很好", "正面")]


def read(folder, content, name: str = "a.csv"):
    return [(row.text, row.label) for row in read_rows(write(folder, name, content), COLUMNS)]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_of_chinese_files(tmp_path, encoding):
    assert read(tmp_path, TABLE.encode(encoding)) == EXPECTED


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t"), ("a.TSV", "\t")])
def test_line_ends_and_formats(tmp_path, end, name, separator):
    assert read(tmp_path, TABLE.replace("\n", end).replace(",", separator), name) == EXPECTED


def test_mixed_line_ends_empty_lines_and_byte_order_marks_inside(tmp_path):
    text = '\ufeff评论,情感\r\n\n\ufeff还行,中性\r\n"很\n好", 正面 \n'
    assert read(tmp_path, text) == [("还行", "中性"), ("很\n好", "正面")]


def test_lines_of_a_quoted_newline_are_counted(tmp_path):
    file = write(tmp_path, "a.csv", '评论,情感\n"两\n行",好\n一行,差\n')
    assert [row.line for row in read_rows(file, COLUMNS)] == [3, 4]


def test_json_lines_with_numbers_and_other_fields(tmp_path):
    lines = [{"评论": "还行", "情感": 1, "tags": ["a"]}, {"情感": False, "评论": "不,好\n"}]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n"
    assert read(tmp_path, text, "a.jsonl") == [("还行", "1"), ("不,好", "false")]


def test_an_opening_quotation_mark_swallows_no_line_of_a_tsv(tmp_path):
    text = '评论\t情感\n"挺好"的\t1\n"差\t0\n"引""用"\t1\n'
    assert read(tmp_path, text, "a.tsv") == [('"挺好"的', "1"), ('"差', "0"), ('引"用', "1")]


def test_a_quoted_newline_in_a_tsv(tmp_path):
    assert read(tmp_path, '评论\t情感\n"两\n行"\t1\n', "a.tsv") == [("两\n行", "1")]


def test_an_empty_text_is_a_row_and_a_group_may_be_empty(tmp_path):
    file = write(tmp_path, "a.csv", "评论,情感,类\n,好,\n")
    (row,) = read_rows(file, Columns("评论", "情感", "类"))
    assert (row.text, row.label, row.group) == ("", "好", "")


def test_a_cell_can_be_as_long_as_an_article(tmp_path):
    assert read(tmp_path, f"评论,情感\n{'长' * 140_000},中性\n") == [("长" * 140_000, "中性")]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", "评论,情感\n好\n差, \n"), ("a.jsonl", '{"评论": "好"}\n{"评论": "差", "情感": null}')],
)
def test_a_missing_label_is_empty_where_none_is_required(tmp_path, name, text):
    rows = read_rows(write(tmp_path, name, text), COLUMNS, labels_required=False)
    assert [(row.text, row.label) for row in rows] == [("好", ""), ("差", "")]
