"""The pretraining task as the training loop and the scripts see it."""

from functools import partial
from pathlib import Path
from typing import Any, Optional

import numpy as np
import paddle
from paddlenlp.transformers import BertModel

from common.errors import UserError
from common.evaluation.mode import require_evaluation_mode
from common.json_file import read_object
from common.regularization.depths import bert_depth_of
from common.reporting.page import Section
from common.seeding import derive, generator
from common.training import loop
from common.training.device import world_size
from common.training.run_folder import ORIGIN, RunFolder, write_text
from common.weights_conversion import WEIGHTS
from tasks.sentiment.encoder_folder import local_folder
from tasks.sentiment.model import set_encoder_dropout
from tasks.sentiment.pretraining.batches import Stream, batch_bounds, padded
from tasks.sentiment.pretraining.config import Config, Masking
from tasks.sentiment.pretraining.data import COUNTS, REMOVED, VOCABULARY, Data
from tasks.sentiment.pretraining.encoder_files import read_masked_language_head, write_encoder
from tasks.sentiment.pretraining.masking import TokenNumbers
from tasks.sentiment.pretraining.model import MaskedLanguageModel, ReplacedTokenModel, new_encoder
from tasks.sentiment.pretraining.objectives import (
    CausalLanguageModelling,
    MaskedLanguageModelling,
    Objective,
    ReplacedTokenDetection,
)
from tasks.sentiment.pretraining.report import report_sections
from tasks.sentiment.pretraining.word_vectors import token_vectors

# Of the held-out texts: the same whatever a run masks, so that runs on batches of one size can be compared.
HELD_OUT_MASKING = Masking(rate=0.15, masked=1.0, random=0.0)


class Task(loop.Task):
    """A BERT that learns from unlabelled texts.

    Args:
        assets: folder that gets the vocabulary, what came from where, and the list of removed texts.
        trained: the weights will come from a checkpoint, so that ``model.weights`` is not read.
    """

    unit = "tokens"

    def __init__(self, config: Config, data: Data, assets: Path, trained: bool = False):
        self.config, self.data, self.assets = config, data, assets
        for name in (VOCABULARY, COUNTS, REMOVED):
            # Never a part of it: of several processes one may read what another one writes.
            write_text(assets / name, (data.folder / name).read_text(encoding="utf-8"))
        paddle.seed(derive(config.train.seed, "initialisation"))
        self.numbers = TokenNumbers.of(data.vocabulary)
        encoder = new_encoder(config, len(data.vocabulary), assets, trained)
        if config.model.word_vectors and not trained:
            _start_from_vectors(encoder, data)
        self.objective = _objective(config, encoder, data, self.numbers, trained)
        self.model, self.selection_metric = self.objective.model, self.objective.selection_metric
        set_encoder_dropout(self.model, config.model.dropout)
        self.depth_of = partial(_depth, encoder.config.num_hidden_layers)
        # What is gone on from has been pretrained; how far, is what going on is measured against.
        self.evaluate_first = config.model.weights is not None
        self.stream = Stream(
            data, config.data.stages, config.data.tokens_per_batch, config.train.seed, world_size()
        )
        self.updates = min(len(self.stream.batches), config.train.steps or len(self.stream.batches))

    def plan(self, epoch: int) -> list[np.ndarray]:
        """The places in the stream of the next ``train.updates_per_epoch`` updates, fewer at its end."""
        number = self.config.train.updates_per_epoch
        return self.stream.batches[: self.updates][epoch * number : (epoch + 1) * number]

    def dataset(self, epoch: int) -> paddle.io.Dataset:
        """Places in the stream as they are; :meth:`collate` fetches the tokens of a batch at once."""
        return _Places(len(self.stream.pieces))

    def collate(self, samples: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, places and labels of a :class:`MaskedBatch`, masked as no other batch of the run."""
        rng = generator(self.config.train.seed, "masking", samples[0])
        pieces = self.stream.pieces[np.array(samples)]
        batch = self.objective.hide(*padded(self.data, pieces), self.numbers, self.config.masking, rng)
        return batch.inputs, batch.places, batch.labels

    def loss(self, model: paddle.nn.Layer, batch: tuple) -> paddle.Tensor:
        """What the objective minimises, mean over the hidden tokens of the batch.

        Of an update in several parts, over processes or ``train.accumulate``, each counts by its pieces.
        """
        return self.objective.loss(model, *batch)

    def items(self, batch: tuple) -> int:
        """Tokens of a batch, the special ones among them, padding not."""
        return int((batch[0] != self.numbers.pad).sum())

    def evaluate(self) -> dict[str, float]:
        """Metrics on the held-out texts."""
        metrics, _ = self.evaluate_split("validation")
        return {f"validation_{name}": value for name, value in metrics.items()}

    def evaluate_split(self, split: str) -> tuple[dict[str, float], list[dict[str, Any]]]:
        """Metrics on the held-out texts, and the sums for each of their pieces behind them.

        Raises:
            UserError: another split than ``validation``, which there is none of.
        """
        if split != "validation":
            raise UserError(
                f"--split: found {split}, expected validation: pretraining holds out no other texts"
            )
        require_evaluation_mode(self.model)
        rows: list[dict[str, Any]] = []
        with paddle.no_grad():
            for number, (pieces, batch) in enumerate(self._held_out()):
                paddle.seed(derive(0, "held-out replacements", number))
                sums = self.objective.measure(batch)
                for i, piece in enumerate(pieces):
                    corpus = self.data.names[self.data.corpora[piece]]
                    rows.append(
                        {"corpus": corpus, **{name: values[i].item() for name, values in sums.items()}}
                    )
        return self.objective.metrics(_sums(rows)), rows

    def after_epoch(self, epoch: int, run: RunFolder) -> None:
        """Keep the encoder: at the end of the run, and as a snapshot as often as the configuration says."""
        step, every = self._updates_until(epoch), self.config.export.snapshot_every
        if every and epoch % every == 0:
            self._export(run.path / "snapshots" / f"update-{step:06d}")
        if step == self.updates:
            self._export(run.path / "encoder")

    def report_sections(self, run: RunFolder) -> list[Section]:
        """What the report of a run shows beside metrics and curves."""
        continued = self.config.model.weights is not None
        return report_sections(run, self.data, self.objective.metrics, continued)

    def _updates_until(self, epoch: int) -> int:
        return min(epoch * self.config.train.updates_per_epoch, self.updates)

    def _export(self, folder: Path) -> None:
        export, origin = self.config.export, self.assets / ORIGIN
        write_encoder(
            self.model.encoder,
            self.objective.exported_heads(),
            self.data,
            folder,
            half_precision=export.half_precision,
            # Pretraining trains no pooler: there is one only where the first weights had one.
            with_pooler=self.config.model.weights is not None and read_object(origin)["pooler"],
        )

    def _held_out(self):
        """Held-out pieces in batches, masked alike in all runs on one corpus and one ``tokens_per_batch``."""
        pieces = np.flatnonzero(self.data.held_out)
        pieces = pieces[np.argsort(-self.stream.lengths[pieces], kind="stable")]
        bounds = batch_bounds(self.stream.lengths[pieces], self.config.data.tokens_per_batch)
        for number, (begin, end) in enumerate(bounds):
            chosen = pieces[begin:end]
            rng = generator(0, "held-out masking", number)
            yield chosen, self.objective.hide(*padded(self.data, chosen), self.numbers, HELD_OUT_MASKING, rng)


class _Places(paddle.io.Dataset):
    def __init__(self, number: int):
        super().__init__()
        self.number = number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, place: int) -> int:
        return place


def _start_from_vectors(encoder: BertModel, data: Data) -> None:
    """Word embeddings of the deviation that random ones have; tokens without a neighbour keep theirs."""
    table, config = encoder.embeddings.word_embeddings.weight, encoder.config
    vectors = token_vectors(data, config.hidden_size, config.vocab_size) * config.initializer_range
    known = (vectors != 0).any(axis=1, keepdims=True)
    table.set_value(np.where(known, vectors, table.numpy()))


def _objective(
    config: Config, encoder: BertModel, data: Data, numbers: TokenNumbers, trained: bool
) -> Objective:
    counts = np.bincount(data.tokens.astype(np.int64), minlength=encoder.config.vocab_size)
    if config.objective == "rtd":
        model = ReplacedTokenModel(encoder, config.generator, numbers.ordinary)
        model.generator_head.start_from(counts)
        return ReplacedTokenDetection(model, numbers.pad, config.generator.detection_weight)
    causal = config.objective == "clm"
    model = MaskedLanguageModel(encoder, causal)
    model.head.start_from(counts)
    if config.model.weights is not None and not trained:
        read_masked_language_head(local_folder(config.model.weights) / WEIGHTS, model.head)
    return CausalLanguageModelling(model) if causal else MaskedLanguageModelling(model)


def _depth(layers: int, name: str) -> Optional[int]:
    """Depth of a parameter for layer-wise decay; whatever is not the encoder stands at the top."""
    return bert_depth_of(layers)(name) if name.startswith("encoder.") else layers + 1


def _sums(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) for name in rows[0] if name != "corpus"}
