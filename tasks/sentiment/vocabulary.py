"""A character vocabulary made from training texts, in BERT's format."""

import re
import unicodedata
from collections import Counter

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def build_vocabulary(texts: list[str], most: int = 8000, words: int = 0) -> list[str]:
    """Tokens by falling frequency, the special ones first, at most ``most``.

    ``words`` of them are the most frequent words and numbers of two or more Latin letters or digits.

    Chinese characters are tokens of their own in BERT's tokenizer; other characters also
    occur inside a word, so they get a continuation piece as well. Letters are lower-cased and
    stripped of accents, as the tokenizer does.
    """
    counts: Counter = Counter()
    for text in texts:
        decomposed = unicodedata.normalize("NFD", text.lower())
        for character in decomposed:
            if character.isspace() or unicodedata.category(character) in ("Mn", "Cc", "Cf"):
                continue
            counts[character] += 1
            if not _is_chinese(character):
                counts[f"##{character}"] += 1
    latin: Counter = Counter()
    if words:
        for text in texts:
            latin.update(re.findall(r"[a-z0-9]{2,}", text.lower()))
    return [*SPECIAL, *_most_frequent(latin)[:words], *_most_frequent(counts)][:most]


def _most_frequent(counts: Counter) -> list[str]:
    return sorted(counts, key=lambda token: (-counts[token], token))


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"
