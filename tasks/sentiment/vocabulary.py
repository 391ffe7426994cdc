"""A character vocabulary made from training texts, in BERT's format."""

import unicodedata
from collections import Counter

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def build_vocabulary(texts: list[str], most: int = 8000) -> list[str]:
    """Tokens by falling frequency, the special ones first, at most ``most``.

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
    return [*SPECIAL, *sorted(counts, key=lambda token: (-counts[token], token))][:most]


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"
