"""Texts to tokens that know where words begin, and long ones to pieces; no Paddle here."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import jieba

from tasks.sentiment.tokens import UNKNOWN, TokenCounter, is_chinese

# It tells on standard error of every dictionary that it loads.
jieba.setLogLevel(logging.WARNING)

SENTENCE_ENDS = frozenset("。！？!?；;…～~")
CLAUSE_ENDS = frozenset("，,、：:）)")


class Segmenter:
    """Makes the token ids of a text, and says which of them begin a word.

    Words are those of jieba; those of letters and digits are BERT's, cut into pieces.

    Args:
        numbers: the number of each token of the vocabulary.
        lower_case: whether letters are lower-cased and stripped of accents.
    """

    def __init__(self, numbers: Mapping[str, int], lower_case: bool = True):
        self.numbers, self.unknown, self.lower_case = numbers, numbers[UNKNOWN], lower_case
        self.counter = TokenCounter(numbers, lower_case)
        self.ids_of = lru_cache(maxsize=100_000)(self._ids)
        ends = [(e, numbers[e]) for e in SENTENCE_ENDS | CLAUSE_ENDS if e in numbers]
        self.sentence_ends = frozenset(number for end, number in ends if end in SENTENCE_ENDS)
        self.clause_ends = frozenset(number for end, number in ends if end in CLAUSE_ENDS)

    def segment(self, text: str) -> tuple[list[int], list[bool]]:
        """Token ids of a text without special tokens, and whether each is the first of a word."""
        words = self.counter.words(text)
        beginnings = _word_beginnings(words)
        ids: list[int] = []
        firsts: list[bool] = []
        for word, begins in zip(words, beginnings):
            pieces = self.ids_of(word)
            ids += pieces
            firsts.append(begins)
            firsts += [False] * (len(pieces) - 1)
        return ids, firsts

    def pieces(self, ids: Sequence[int], firsts: Sequence[bool], most: int) -> Iterator[tuple[int, int]]:
        """Beginning and end of consecutive pieces of at most ``most`` tokens.

        A piece ends with a sentence if one ends in it, else with a clause, else with a word.
        """
        begin = 0
        while len(ids) - begin > most:
            places = range(begin + most, begin, -1)
            end = next((e for e in places if ids[e - 1] in self.sentence_ends), None)
            end = end or next((e for e in places if ids[e - 1] in self.clause_ends), None)
            end = end or next((e for e in places if firsts[e]), begin + most)
            yield begin, end
            begin = end
        if begin < len(ids):
            yield begin, len(ids)

    def _ids(self, word: str) -> tuple[int, ...]:
        if len(word) == 1:
            return (self.numbers.get(word, self.unknown),)
        return tuple(self.numbers.get(piece, self.unknown) for piece in self.counter.pieces(word))


def _word_beginnings(words: list[str]) -> list[bool]:
    """Whether jieba begins a word with each of BERT's; always with one that is not Chinese."""
    chinese = [len(word) == 1 and is_chinese(word) for word in words]
    # BERT's words of letters stand beside each other only where something parted them.
    parts = [
        word if one or other else f"{word} " for word, one, other in zip(words, chinese, [*chinese[1:], True])
    ]
    beginnings, place = set(), 0
    for word in jieba.cut("".join(parts)):
        beginnings.add(place)
        place += len(word)
    result, place = [], 0
    for part, one in zip(parts, chinese):
        result.append(place in beginnings or not one)
        place += len(part)
    return result
