"""Lengths of texts against ``data.max_length``, and characters outside the vocabulary."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from common.errors import UserError
from common.reporting.findings import Finding, shorten
from common.reporting.page import HtmlTable, Section
from tasks.sentiment.checks.source import Source
from tasks.sentiment.encoder_folder import local_folder
from tasks.sentiment.tokens import TokenCounter
from tasks.sentiment.vocabulary import build_vocabulary

MANY_CUT, MANY_OUTSIDE = 0.05, 0.01
MOST_TOKENS = 512
PERCENTILES = (50, 95, 99)
COMMONEST = 10


@dataclass(frozen=True)
class Vocabulary:
    """A counter of tokens, and what its vocabulary is called."""

    counter: TokenCounter
    name: str


def read_vocabulary(weights: Optional[str]) -> Optional[Vocabulary]:
    """The word pieces of ``model.weights``; None without weights, and where they are no folder here.

    Byte pairs, which some RoBERTas have, are not counted without Paddle: None too.

    Raises:
        UserError: the folder has no vocabulary, or it cannot be read.
    """
    folder = None if weights is None else local_folder(weights)
    if folder is None:
        return None
    if (folder / "vocab.json").is_file() and not (folder / "vocab.txt").is_file():
        return None
    try:
        tokens = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        options = folder / "tokenizer_config.json"
        settings = json.loads(options.read_text(encoding="utf-8")) if options.is_file() else {}
        lower_case = bool(settings.get("do_lower_case", True))
    except FileNotFoundError:
        raise UserError(
            f"model.weights: {folder} has no vocab.txt; expected the vocabulary of a BERT"
        ) from None
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"model.weights: {folder}: its vocabulary cannot be read: {error}") from None
    return Vocabulary(TokenCounter(tokens, lower_case), str(folder / "vocab.txt"))


def check_lengths(source: Source, vocabulary: Optional[Vocabulary]) -> tuple[list[Section], list[Finding]]:
    """Two tables, of lengths and of characters, and what is wrong with either.

    Args:
        vocabulary: of the weights; if None, the one that training makes of its texts.
    """
    weights = source.config.model.weights
    unknown = vocabulary is None and weights is not None
    if vocabulary is None:
        counter = TokenCounter(build_vocabulary([row.text for row in source.splits["train"]]))
        vocabulary = Vocabulary(counter, "a vocabulary of the training texts")
    tokens = {
        split: np.array([vocabulary.counter.count(row.text) for row in rows])
        for split, rows in source.splits.items()
    }
    lengths, findings = _lengths_section(source, tokens, vocabulary.name), _cut(source, tokens)
    if unknown:
        message = (
            f"{weights} is no folder here with word pieces; lengths are estimated, and its characters are "
            "not checked"
        )
        remedy = "--model.weights FOLDER with a vocab.txt"
        return [lengths], [*findings, Finding("note", "vocabulary not here", message, remedy, count=1)]
    characters, outside = _characters(source, vocabulary)
    return [lengths, characters], [*findings, *outside]


def _lengths_section(source: Source, tokens: dict[str, np.ndarray], vocabulary: str) -> Section:
    most = source.config.data.max_length
    columns = ["split"]
    for unit in ("characters", "tokens"):
        columns += [f"{unit} {p} %" for p in PERCENTILES] + [f"most {unit}"]
    rows = []
    for split, numbers in tokens.items():
        characters = [len(row.text) for row in source.splits[split]]
        share = float((numbers > most).mean()) if len(numbers) else 0.0
        rows.append([split, *_percentiles(characters), *_percentiles(numbers), f"{share:.2%}"])
    said = f"Tokens by {vocabulary}, [CLS] and [SEP] among them; data.max_length is {most}."
    return Section("Lengths", said, tables=[HtmlTable([*columns, "cut"], rows)])


def _percentiles(numbers: Sequence[int]) -> list[str]:
    if not len(numbers):
        return ["-"] * (len(PERCENTILES) + 1)
    return [f"{value:,.0f}" for value in (*np.percentile(numbers, PERCENTILES), max(numbers))]


def _cut(source: Source, tokens: dict[str, np.ndarray]) -> list[Finding]:
    most = source.config.data.max_length
    places, shares = [], {}
    for split, numbers in tokens.items():
        rows = source.splits[split]
        places += [
            source.place(split, rows[i], f"{numbers[i]} tokens") for i in np.flatnonzero(numbers > most)
        ]
        shares[split] = float((numbers > most).mean()) if len(numbers) else 0.0
    if not places:
        return []
    said = ", ".join(f"{share:.1%} of {split}" for split, share in shares.items())
    message = (
        f"{len(places):,} texts have more than data.max_length = {most} tokens ({said}); the rest is not read"
    )
    remedy = _better_length(np.concatenate([*tokens.values()]), most)
    severity = "warning" if max(shares.values()) > MANY_CUT else "note"
    return [Finding(severity, "cut text", message, remedy, places)]


def _better_length(tokens: np.ndarray, most: int) -> str:
    for percent in (99, 95):
        fitting = int(np.percentile(tokens, percent, method="higher"))
        if fitting <= most:
            return f"nothing: {percent} % of the texts are read to the end"
        if fitting <= MOST_TOKENS:
            return f"--data.max_length {fitting} reads {percent} % of the texts to the end"
    return f"--data.max_length {MOST_TOKENS} is the most that BERT reads; shorten the texts themselves"


def _characters(source: Source, vocabulary: Vocabulary) -> tuple[Section, list[Finding]]:
    rows, places, everywhere = [], [], Counter()
    severity = "note"
    for split, reviews in source.splits.items():
        words = ["".join(vocabulary.counter.words(row.text)) for row in reviews]
        counts: Counter = Counter()
        for text in words:
            counts.update(text)
        unknown = vocabulary.counter.outside(counts)
        outside = Counter({c: counts[c] for c in unknown})
        everywhere += outside
        share = sum(outside.values()) / max(1, sum(counts.values()))
        severity = "warning" if share > MANY_OUTSIDE else severity
        rows.append(
            [
                split,
                f"{sum(counts.values()):,}",
                f"{sum(outside.values()):,}",
                f"{share:.3%}",
                _commonest(outside),
            ]
        )
        for row, text in zip(reviews, words):
            found = unknown.intersection(text)
            if found:
                places.append(source.place(split, row, " ".join(sorted(found))))
    columns = ["split", "characters", "outside", "share", "commonest"]
    section = Section(
        "Characters outside the vocabulary", f"Of {vocabulary.name}.", [HtmlTable(columns, rows)]
    )
    if not places:
        return section, []
    message = f"characters that the model sees as [UNK], in {len(places):,} texts: {_commonest(everywhere)}"
    remedy = "see whether they matter, as emoji may"
    if source.config.model.weights is None:
        remedy = "more training texts, or --model.weights FOLDER of a published model with its own vocabulary"
    return section, [
        Finding(severity, "outside the vocabulary", message, remedy, places, sum(everywhere.values()))
    ]


def _commonest(counts: Counter) -> str:
    ordered = sorted(counts, key=lambda c: (-counts[c], c))[:COMMONEST]
    return " ".join(f"{shorten(c, 1) or f'U+{ord(c):04X}'} {counts[c]:,}" for c in ordered) or "-"
