"""A vocabulary of characters and frequent words, made from a corpus, in BERT's format; no Paddle here."""

import string
from collections import Counter
from collections.abc import Iterable

from tasks.sentiment.tokens import TokenCounter
from tasks.sentiment.vocabulary import SPECIAL

LONGEST_PIECE = 20
# Any word or number of these can be written, however rare it is.
ALWAYS = string.ascii_lowercase + string.digits


def build_vocabulary(texts: Iterable[str], size: int) -> list[str]:
    """At most ``size`` tokens: the special ones, letters and digits, then the most frequent.

    What competes by frequency: Chinese characters, punctuation and symbols; whole words of
    letters or digits; and the characters of those words, at their beginning and, with ``##``,
    inside. Texts are lower-cased and stripped of accents.
    """
    words: Counter = Counter()
    counter = TokenCounter(())
    for text in texts:
        words.update(counter.words(text))
    counts: Counter = Counter()
    for word, number in words.items():
        if len(word) <= LONGEST_PIECE:
            counts[word] += number
        if len(word) > 1:
            counts[word[0]] += number
            for character in word[1:]:
                counts[f"##{character}"] += number
    always = [*ALWAYS, *(f"##{character}" for character in ALWAYS)]
    ordered = sorted(counts, key=lambda token: (-counts[token], token))
    return list(dict.fromkeys([*SPECIAL, *always, *ordered]))[:size]
