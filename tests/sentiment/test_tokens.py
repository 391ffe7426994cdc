"""Tokens counted without Paddle are as many as PaddleNLP makes."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sentiment.data import EMBEDDED
from tasks.sentiment.tokens import TokenCounter
from tasks.sentiment.vocabulary import build_vocabulary

ODD = [
    "",
    "Café ÅÄÖ naïve",
    "“引号”…——iPhone4s/5S（好）",
    "\u200b零宽\u3000全角　空格\t制表\n行",
    "한국어 텍스트 ﷺ ≠ ½ ㈱ ①",
    "😀👍🏽🇨🇳 ^_^ ~~~",
    "a" * 101 + " " + "b" * 100,
    "İstanbul ΣΑΣ x²º µØŋ 〇 豈",
    "\ufffd坏\x07\u2028行",
]


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    """PaddleNLP's tokenizer and the counter, lower-casing and not, with one small vocabulary."""
    from paddlenlp.transformers import BertTokenizer

    texts = embedded()
    tokens = [*build_vocabulary(texts[:400]), "very", "##ing", "caf", "##é", "istan", "##bul"]
    file = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    file.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    return [
        (BertTokenizer(str(file), do_lower_case=lower), TokenCounter(tokens, lower))
        for lower in (True, False)
    ]


def embedded() -> list[str]:
    with open(EMBEDDED, encoding="utf-8", newline="") as file:
        return [row["review"] for row in csv.DictReader(file)]


def test_real_and_odd_texts(tokenizers):
    for tokenizer, counter in tokenizers:
        for text in [*embedded(), *ODD]:
            assert counter.count(text) == len(tokenizer(text)["input_ids"]), text


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]")))
@settings(max_examples=300, deadline=None)
def test_any_text(tokenizers, text):
    tokenizer, counter = tokenizers[0]
    assert counter.count(text) == len(tokenizer(text)["input_ids"])


def test_a_character_is_outside_when_it_becomes_unknown():
    counter = TokenCounter(["[UNK]", "好", "##x"])
    characters = "".join(counter.words("好坏X"))
    assert counter.outside(characters) == {"坏"}
