"""CSV that comes back as it was written."""

import csv
import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from common.csv_lines import csv_writer

CELL = st.text(st.sampled_from("ab好,\"'\r\n\t ;"), max_size=6)
ROWS = st.integers(1, 3).flatmap(
    lambda columns: st.lists(st.lists(CELL, min_size=columns, max_size=columns), min_size=1, max_size=5)
)


def written(rows: list[list[str]]) -> str:
    text = io.StringIO(newline="")
    csv_writer(text).writerows(rows)
    return text.getvalue()


@given(ROWS)
def test_cells_come_back_whatever_line_ends_are_in_them(rows):
    assert list(csv.reader(io.StringIO(written(rows), newline=""))) == rows


def test_lines_end_with_a_line_feed_and_a_lone_carriage_return_is_quoted():
    assert written([["a", "b"], ["好\r差", "x"]]) == 'a,b\n"好\r差",x\n'


def test_pandas_reads_it_too():
    found = pd.read_csv(io.StringIO(written([["text", "n"], ["好\r差", "1"], ["a\r\nb", "2"]]), newline=""))
    assert found["text"].tolist() == ["好\r差", "a\r\nb"] and found["n"].tolist() == [1, 2]
