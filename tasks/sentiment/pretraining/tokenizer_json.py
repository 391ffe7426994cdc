"""A ``tokenizer.json`` with which Hugging Face makes the same tokens as PaddleNLP; no Paddle here.

Given a ``vocab.txt`` alone it would not: PaddleNLP takes symbols such as ～ or ￥ for words of their own,
Hugging Face only punctuation.
"""

from collections.abc import Sequence
from typing import Any

from tasks.sentiment.tokens import LONGEST_WORD, SYMBOLS, UNKNOWN
from tasks.sentiment.vocabulary import SPECIAL


def tokenizer_json(vocabulary: Sequence[str], lower_case: bool) -> dict[str, Any]:
    """Contents of the file for a vocabulary with BERT's special tokens, in the format of version 1.0."""
    numbers = {token: number for number, token in enumerate(vocabulary) if token}
    begin, end = "[CLS]", "[SEP]"
    symbols = {"type": "Split", "pattern": {"Regex": rf"[\p{{S}}{SYMBOLS}]"}, "behavior": "Isolated"}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(numbers[token], token) for token in SPECIAL],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": lower_case,
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "BertPreTokenizer"}, {**symbols, "invert": False}],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_special(begin, 0), _sequence("A", 0), _special(end, 0)],
            "pair": [
                *(_special(begin, 0), _sequence("A", 0), _special(end, 0)),
                *(_sequence("B", 1), _special(end, 1)),
            ],
            "special_tokens": {
                token: {"id": token, "ids": [numbers[token]], "tokens": [token]} for token in (begin, end)
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": UNKNOWN,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": LONGEST_WORD,
            "vocab": numbers,
        },
    }


def _added(number: int, token: str) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": token, **flags, "special": True}


def _special(token: str, kind: int) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": kind}}


def _sequence(name: str, kind: int) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": kind}}
