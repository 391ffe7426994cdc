"""The texts of a pretraining run, decontaminated and held out; no Paddle here."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError
from common.reporting.tables import rows_table
from tasks.sentiment.pretraining import config as settings
from tasks.sentiment.pretraining.corpus import evaluation_texts, read_corpus
from tasks.sentiment.pretraining.decontamination import Removed, counts, decontaminate, letters


@dataclass(frozen=True)
class Data:
    """The texts of a run.

    Attributes:
        corpora: texts to learn from, by the corpus's name.
        held_out: texts to measure on; none of them, compared by its letters, is learnt from.
        removed: what decontamination left out.
        sizes: a row a corpus: texts, and how many each rule left out.
    """

    corpora: dict[str, list[str]]
    held_out: list[str]
    removed: list[Removed]
    sizes: list[dict]

    def summary(self) -> str:
        """Texts by corpus, and what was left out."""
        return f"{rows_table(self.sizes, 'texts, and how many were left out')}\nheld out {len(self.held_out)}"

    def hash(self) -> str:
        """SHA-256 over all texts, in order."""
        digest = hashlib.sha256()
        for texts in (*self.corpora.values(), self.held_out):
            for text in texts:
                digest.update(f"{text}\n".encode())
        return digest.hexdigest()


def read_data(config: settings.Config, data_root: Path) -> Data:
    """Read the corpora of all stages, leave out what would give evaluation away, and hold some out.

    Of each corpus the same number of texts is held out, those with the lowest SHA-1.

    Raises:
        UserError: a corpus cannot be read, or nothing is left of it.
    """
    data = config.data
    names = dict.fromkeys(name for stage in data.stages for name in stage.corpora)
    corpora = {name: read_corpus(name, data_root, data.text_column) for name in names}
    kept, removed = corpora, []
    if data.decontaminate:
        kept, removed = decontaminate(corpora, evaluation_texts(data_root))
    held_out = _held_out(kept, data.held_out)
    standing = {letters(text) for text in held_out}
    left = {name: [t for t in texts if letters(t) not in standing] for name, texts in kept.items()}
    for name, texts in left.items():
        if not texts:
            raise UserError(
                f"data.stages: {name}: nothing is left of {len(corpora[name])} texts, expected more than "
                "what decontamination removes and data.held_out keeps aside"
            )
    return Data(left, held_out, removed, counts(corpora, removed))


def _held_out(corpora: dict[str, list[str]], number: int) -> list[str]:
    share = -(-number // len(corpora))
    chosen = []
    for texts in corpora.values():
        by_hash = sorted(texts, key=lambda text: hashlib.sha1(letters(text).encode()).digest())
        chosen += by_hash[: min(share, len(texts) // 10)]
    return chosen[:number]
