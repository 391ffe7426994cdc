"""From the files of corpora to tokens: read, cleaned, decontaminated, segmented; no Paddle here."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Optional

import numpy as np
from tqdm import tqdm

from common.errors import UserError
from tasks.sentiment.pretraining.config import Data
from tasks.sentiment.pretraining.corpus import corpus_names, read_corpus, read_evaluation_texts
from tasks.sentiment.pretraining.decontamination import RULES, Evaluation, normalise, text_hash
from tasks.sentiment.pretraining.segmentation import Segmenter
from tasks.sentiment.pretraining.vocabulary import build_vocabulary
from tasks.sentiment.tokenizer_files import TokenizerFiles

LEFT_OUT = ("empty", "duplicate", *RULES)
LARGEST_HELD_OUT_SHARE = 0.1
# [CLS] and [SEP], which every piece gets when it is trained on.
SPECIAL_TOKENS = 2

# By corpus, the texts as written with what comparisons see of them.
Texts = dict[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Prepared:
    """A corpus as :class:`tasks.sentiment.pretraining.data.Data` has it, before it is written.

    Attributes:
        removed: a row for every text that decontamination has left out: corpus, rule, sha256.
        counts: by corpus, how many texts were ``read``, left out by reason, ``kept``, ``held_out``; and
            the ``pieces`` and ``tokens`` that the kept ones made.
    """

    vocabulary: list[str]
    lower_case: bool
    tokens: np.ndarray
    firsts: np.ndarray
    bounds: np.ndarray
    corpora: np.ndarray
    held_out: np.ndarray
    removed: list[dict[str, Any]]
    counts: dict[str, dict[str, int]]
    seconds: float


def prepare(data: Data, root: Path, tokenizer: Optional[TokenizerFiles] = None) -> Prepared:
    """Read every corpus, leave out what must not be trained on, and make tokens of the rest.

    Args:
        tokenizer: whose vocabulary is taken; by default one is made from the texts.

    Raises:
        UserError: a file cannot be read, or too few texts are left.
    """
    started = time.perf_counter()
    texts, removed, counts = _clean_texts(data, root)
    _require_enough(texts, counts)
    held_out = _held_out(texts, data.held_out)
    if tokenizer is None:
        training = (text for corpus in texts.values() for text, key in corpus if key not in held_out)
        vocabulary = build_vocabulary(training, data.vocabulary_size)
        segmenter = Segmenter({token: number for number, token in enumerate(vocabulary)})
    else:
        vocabulary = [""] * (max(tokenizer.tokens.values()) + 1)
        for token, number in tokenizer.tokens.items():
            vocabulary[number] = token
        segmenter = Segmenter(tokenizer.tokens, tokenizer.settings.get("do_lower_case", True))
    arrays = _tokenise(texts, held_out, segmenter, data.max_length)
    for number, (name, corpus) in enumerate(texts.items()):
        pieces = arrays["corpora"] == number
        counts[name].update(
            kept=len(corpus),
            held_out=sum(key in held_out for _, key in corpus),
            pieces=int(pieces.sum()),
            tokens=int(np.diff(arrays["bounds"])[pieces].sum()),
        )
    seconds = time.perf_counter() - started
    lower_case = segmenter.lower_case
    return Prepared(vocabulary, lower_case, **arrays, removed=removed, counts=counts, seconds=seconds)


def _clean_texts(data: Data, root: Path) -> tuple[Texts, list[dict[str, Any]], dict[str, dict[str, int]]]:
    """Texts of each corpus that stand nowhere else, and give no evaluation text away."""
    evaluation = Evaluation(
        normalise(text)
        for name in data.decontaminate
        for texts in read_evaluation_texts(name, data.text_column, root).values()
        for text in texts
    )
    kept: Texts = {}
    removed, counts, seen = [], {}, set()
    for name in tqdm(corpus_names(data), desc="decontaminating", unit="corpus", disable=None):
        texts = read_corpus(name, data.text_column, root)
        keys = [normalise(text) for text in texts]
        first = {key: text for key, text in zip(reversed(keys), reversed(texts)) if key and key not in seen}
        distinct = [(text, key) for key, text in reversed(first.items())]
        seen.update(first)
        broken = evaluation.broken_rules([key for _, key in distinct])
        kept[name] = [pair for pair, rule in zip(distinct, broken) if rule is None]
        removed += [
            {"corpus": name, "rule": rule, "sha256": text_hash(key)}
            for (_, key), rule in zip(distinct, broken)
            if rule is not None
        ]
        empty = keys.count("")
        counts[name] = {"read": len(texts), "empty": empty, "duplicate": len(texts) - empty - len(distinct)}
        counts[name].update({rule: broken.count(rule) for rule in RULES})
    return kept, removed, counts


def _require_enough(texts: Texts, counts: dict[str, dict[str, int]]) -> None:
    """Refuse texts of which none could be held out, and say what became of the others."""
    found = sum(map(len, texts.values()))
    if int(found * LARGEST_HELD_OUT_SHARE):
        return
    reasons = {reason: sum(count[reason] for count in counts.values()) for reason in LEFT_OUT}
    left_out = ", ".join(f"{number:,} {reason}" for reason, number in reasons.items() if number)
    raise UserError(
        f"data.stages: found {found} different texts, too few to hold some of them out, "
        f"expected at least {round(1 / LARGEST_HELD_OUT_SHARE)}; "
        f"of {sum(count['read'] for count in counts.values()):,} read, left out {left_out or 'none'}"
    )


def _held_out(texts: Texts, number: int) -> frozenset[str]:
    """The texts of the lowest hashes: the same ones when texts are added, but for those that join them."""
    keys = [key for corpus in texts.values() for _, key in corpus]
    number = min(number, int(len(keys) * LARGEST_HELD_OUT_SHARE))
    # Not the plain hash: by that one labelled sets choose their test texts, so that what they leave for
    # training has no low ones.
    return frozenset(sorted(keys, key=lambda key: hashlib.sha1(f"held out {key}".encode()).digest())[:number])


def _tokenise(
    texts: Texts, held_out: frozenset[str], segmenter: Segmenter, max_length: int
) -> dict[str, np.ndarray]:
    ids: list[np.ndarray] = []
    firsts: list[np.ndarray] = []
    lengths, corpora, is_held_out = [], [], []
    for corpus, text, key in _progress(texts):
        text_ids, text_firsts = segmenter.segment(text)
        for begin, end in segmenter.pieces(text_ids, text_firsts, max_length - SPECIAL_TOKENS):
            piece = np.array(text_ids[begin:end], np.int32)
            # In every piece there is something to be guessed.
            if (piece == segmenter.unknown).all():
                continue
            ids.append(piece)
            firsts.append(np.array(text_firsts[begin:end], bool))
            lengths.append(end - begin)
            corpora.append(corpus)
            is_held_out.append(key in held_out)
    if all(is_held_out) or not any(is_held_out):
        raise UserError(
            f"data.stages: found {len(ids)} pieces of texts with a token of the vocabulary, "
            f"{sum(is_held_out)} of them held out, expected some to train on and some held out"
        )
    return {
        "tokens": np.concatenate(ids),
        "firsts": np.concatenate(firsts),
        "bounds": np.array(list(accumulate(lengths, initial=0)), np.int64),
        "corpora": np.array(corpora, np.int32),
        "held_out": np.array(is_held_out, bool),
    }


def _progress(texts: Texts) -> Iterator[tuple[int, str, str]]:
    number = sum(map(len, texts.values()))
    with tqdm(total=number, desc="segmenting", unit="text", disable=None) as progress:
        for corpus, pairs in enumerate(texts.values()):
            for text, key in pairs:
                yield corpus, text, key
                progress.update()
