"""The prepared corpus of a run: decontaminated, tokenised, cut, and kept for the next run; no Paddle here."""

import hashlib
import json
import os
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
from filelock import FileLock

from common.errors import UserError, refused_writing
from common.json_file import read_object
from common.training.run_folder import write_csv, write_text
from tasks.sentiment.pretraining import config as settings
from tasks.sentiment.pretraining.corpus import corpus_files, corpus_names
from tasks.sentiment.pretraining.preparation import LEFT_OUT, Prepared, prepare
from tasks.sentiment.tokenizer_files import TokenizerFiles

# Raised whenever the same files and fields would be prepared to something else.
FORMAT = 2
VOCABULARY, COUNTS, REMOVED = "vocab.txt", "corpus.json", "removed_texts.csv"
ARRAYS = ("tokens", "firsts", "bounds", "corpora", "held_out")


@dataclass(frozen=True)
class Data:
    """Pieces of texts as tokens.

    Attributes:
        folder: with ``vocab.txt``, ``corpus.json`` (what came from where, and what was left out by which
            rule) and ``removed_texts.csv``.
        names: of the corpora.
        vocabulary: the tokens.
        tokens: ids of all pieces one after another, without special tokens, int [tokens].
        firsts: whether each is the first of a word, bool [tokens].
        bounds: where pieces begin and the last one ends, int64 [pieces + 1].
        corpora: number of each piece's corpus in ``names``, int [pieces].
        held_out: whether each piece is never trained on, bool [pieces].
    """

    folder: Path
    names: list[str]
    vocabulary: list[str]
    tokens: np.ndarray
    firsts: np.ndarray
    bounds: np.ndarray
    corpora: np.ndarray
    held_out: np.ndarray

    def counts(self) -> dict[str, Any]:
        """Contents of ``corpus.json``: ``seconds``, ``lower_case``, and the counts of each of ``corpora``."""
        return read_object(self.folder / COUNTS)

    def summary(self) -> str:
        """Texts and tokens, and what was left out, in one line."""
        total: Counter = Counter()
        for counts in self.counts()["corpora"].values():
            total.update(counts)
        removed = ", ".join(f"{total[name]:,} {name}" for name in LEFT_OUT if total[name])
        unknown = int((self.tokens == self.vocabulary.index("[UNK]")).sum())
        return (
            f"{total['kept']:,} texts of {len(self.names)} corpora, {len(self.tokens):,} tokens in "
            f"{len(self.corpora):,} pieces, {unknown / max(1, len(self.tokens)):.2%} unknown, "
            f"{len(self.vocabulary):,} in the vocabulary, {total['held_out']:,} texts held out; "
            f"left out {removed or 'none'}; {self.folder}"
        )

    def hash(self) -> str:
        """SHA-256 over the files and fields that the corpus was prepared from."""
        return self.folder.name


def read_data(config: settings.Config, data_root: Path) -> Data:
    """Prepare the corpus, or read what an earlier run has prepared from the same files and fields.

    Of several processes that ask for the same one, one prepares it, and the others wait.

    Raises:
        UserError: a file cannot be read, too few texts are left, or the cache cannot be written.
    """
    data, root, start = config.data, Path(data_root), config.encoder_folder()
    tokenizer = None if start is None else start.tokenizer
    folder = Path(data.cache) / _key(data, root, tokenizer)
    if not (folder / COUNTS).is_file():
        with refused_writing(folder.parent):
            folder.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(f"{folder}.lock").acquire()
        with lock:
            if not (folder / COUNTS).is_file():
                prepared = prepare(data, root, tokenizer)
                with refused_writing(folder):
                    _keep(prepared, folder)
    return _load(folder)


def _key(data: settings.Data, root: Path, tokenizer: Optional[TokenizerFiles]) -> str:
    """Everything that the prepared corpus depends on."""
    fields = {k: v for k, v in asdict(data).items() if k not in ("stages", "tokens_per_batch", "cache")}
    files = {
        name: [_sha256(file) for file in corpus_files(name, root)]
        for name in [*corpus_names(data), *data.decontaminate]
    }
    vocabulary = [tokenizer.tokens, tokenizer.settings] if tokenizer else None
    everything = [FORMAT, corpus_names(data), fields, files, vocabulary]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


def _load(folder: Path) -> Data:
    try:
        arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS}
        # Not splitlines: some tokens of published vocabularies are line separators to it.
        vocabulary = (folder / VOCABULARY).read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            f"{folder}: cannot be read: {error}; expected a whole prepared corpus: without the folder it is "
            "prepared anew"
        ) from None
    return Data(folder, list(read_object(folder / COUNTS)["corpora"]), vocabulary, **arrays)


def _keep(prepared: Prepared, folder: Path) -> None:
    """Write everything to a folder beside, and move it to its place when it is complete."""
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        for name in ARRAYS:
            np.save(partial / f"{name}.npy", getattr(prepared, name), allow_pickle=False)
        write_text(partial / VOCABULARY, "\n".join(prepared.vocabulary) + "\n")
        write_csv(partial / REMOVED, prepared.removed, ("corpus", "rule", "sha256"))
        counts = {
            "seconds": round(prepared.seconds, 1),
            "lower_case": prepared.lower_case,
            "corpora": prepared.counts,
        }
        write_text(partial / COUNTS, json.dumps(counts, indent=2, ensure_ascii=False) + "\n")
        if not folder.exists():
            os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
