"""Tokens of pretraining are PaddleNLP's, words are jieba's, pieces lose nothing."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sentiment.data import EMBEDDED
from tasks.sentiment.pretraining.segmentation import Segmenter
from tasks.sentiment.pretraining.vocabulary import build_vocabulary
from tasks.sentiment.vocabulary import SPECIAL

ODD = ["", "Café naïve iPhone4s/5S", "\u3000全角\t😀～～★★ 100% 5.5寸", "a" * 101, "ＡＢ１２", "[]"]


@pytest.fixture(scope="module")
def texts():
    with open(EMBEDDED, encoding="utf-8", newline="") as file:
        return [row["review"] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def vocabulary(texts):
    return build_vocabulary([*texts[:500], *["iphone手机 usb3"] * 5], 600)


@pytest.fixture(scope="module")
def segmenter(vocabulary):
    return Segmenter({token: number for number, token in enumerate(vocabulary)})


@pytest.fixture(scope="module")
def paddles(vocabulary, tmp_path_factory):
    from paddlenlp.transformers import BertTokenizer

    file = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    file.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return BertTokenizer(str(file))


def test_a_vocabulary_has_the_special_tokens_first_letters_digits_and_then_what_is_frequent(vocabulary):
    assert tuple(vocabulary[:5]) == SPECIAL and len(vocabulary) == len(set(vocabulary)) == 600
    assert {"a", "##z", "7", "##0", "的", "，", "iphone", "usb3", "手"} <= set(vocabulary)


def test_frequency_decides_and_ties_are_ordered():
    tokens = build_vocabulary(["好好好 坏坏 丑 美 ab"], 300)
    assert tokens[5 + 72 :] == ["好", "坏", "ab", "丑", "美"]
    assert build_vocabulary(["好好好 坏坏"], 5 + 72 + 1)[-1] == "好"


def test_tokens_are_paddlenlps(segmenter, paddles, texts):
    for text in [*texts, *ODD]:
        assert segmenter.segment(text)[0] == paddles(text)["input_ids"][1:-1], text


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]")))
@settings(max_examples=200, deadline=None)
def test_any_text_has_paddlenlps_tokens_and_a_flag_for_each(segmenter, paddles, text):
    ids, firsts = segmenter.segment(text)
    assert ids == paddles(text)["input_ids"][1:-1]
    assert len(ids) == len(firsts) and all(firsts[:1])


def test_words_are_jiebas_and_continuation_pieces_belong_to_them(segmenter, vocabulary):
    ids, firsts = segmenter.segment("客服态度满意，iphone6 usb")
    words: list[list[str]] = []
    for number, first in zip(ids, firsts):
        words = [*words, []] if first else words
        words[-1].append(vocabulary[number])
    assert words[:4] == [["客", "服"], ["态", "度"], ["满", "意"], ["，"]]
    assert words[4] == ["iphone", "##6"] and words[5][0] == "u"


def test_long_texts_are_cut_at_the_end_of_sentences_then_clauses_then_words(segmenter):
    def cut(text: str, most: int) -> list[int]:
        return [end for _, end in segmenter.pieces(*segmenter.segment(text), most)]

    assert cut("很好。很好，好", 6) == [3, 7]
    assert cut("很好，很好好好", 5) == [3, 7]
    assert cut("客服态度客服", 5) == [4, 6]
    assert cut("很好。", 3) == [3]
    assert cut("", 3) == []


@given(
    firsts=st.lists(st.booleans(), max_size=60),
    most=st.integers(1, 20),
    ids=st.lists(st.integers(5, 90), min_size=60, max_size=60),
)
def test_pieces_are_short_enough_and_follow_each_other_without_a_gap(segmenter, firsts, most, ids):
    cuts = list(segmenter.pieces(ids[: len(firsts)], firsts, most))
    assert all(0 < end - begin <= most for begin, end in cuts)
    assert [place for begin, end in cuts for place in range(begin, end)] == list(range(len(firsts)))
