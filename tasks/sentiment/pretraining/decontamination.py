"""Corpus texts that stand, or nearly, in a text that the project evaluates on."""

import hashlib
import unicodedata
from dataclasses import dataclass

from tasks.sentiment.checks.near import nearest
from tasks.sentiment.data import normalise

RUN = 20
LEAST_SIMILARITY = 0.7
RULES = ("equal", f"shares {RUN} characters", f"similarity {LEAST_SIMILARITY}")


@dataclass(frozen=True)
class Removed:
    """A text that was left out.

    Attributes:
        rule: one of :data:`RULES`, the first that applies.
        sha1: of its letters, which are not kept.
    """

    corpus: str
    rule: str
    sha1: str


def letters(text: str) -> str:
    """Letters and digits of a text, wide ones and capitals made plain; what is compared."""
    return normalise(unicodedata.normalize("NFKC", text).lower())


def decontaminate(
    corpora: dict[str, list[str]], evaluation: list[str]
) -> tuple[dict[str, list[str]], list[Removed]]:
    """The corpora without the texts that give an evaluation text away.

    A text is left out if its :func:`letters` are those of an evaluation text, if both share 20 in a
    row, or if their sets of 5-grams have a Jaccard similarity of 0.7 or more.
    """
    known = sorted({letters(text) for text in evaluation} - {""})
    standing, runs = set(known), {run for text in known for run in _runs(text)}
    kept: dict[str, list[str]] = {}
    removed = []
    for name, texts in corpora.items():
        plain = [letters(text) for text in texts]
        rules = {}
        for index, text in enumerate(plain):
            if text in standing:
                rules[index] = RULES[0]
            elif any(run in runs for run in _runs(text)):
                rules[index] = RULES[1]
        for index in nearest(plain, known, LEAST_SIMILARITY):
            rules.setdefault(index, RULES[2])
        kept[name] = [text for index, text in enumerate(texts) if index not in rules]
        removed += [Removed(name, rules[i], _sha1(plain[i])) for i in sorted(rules)]
    return kept, removed


def counts(corpora: dict[str, list[str]], removed: list[Removed]) -> list[dict]:
    """A row a corpus: its texts, and how many each rule left out."""
    rows = []
    for name, texts in corpora.items():
        own = [one.rule for one in removed if one.corpus == name]
        rows.append({"corpus": name, "texts": len(texts), **{rule: own.count(rule) for rule in RULES}})
    return rows


def _runs(text: str):
    return (text[start : start + RUN] for start in range(len(text) - RUN + 1))


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()
