"""Pretraining as the training loop sees it.

The loop's epochs are equal parts of the run, each followed by an evaluation. The batches of all stages
and passes form one sequence, in which a part begins where the one before ended.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any, Optional

import numpy as np
import paddle
from paddlenlp.transformers import BertConfig, BertModel, BertTokenizer

from common.evaluation.mode import require_evaluation_mode
from common.regularization.depths import bert_depth_of
from common.reporting.page import HtmlTable, Section
from common.seeding import derive, generator
from common.training.run_folder import RunFolder, write_csv, write_text
from tasks.sentiment.encoder_files import write_encoder
from tasks.sentiment.model import set_encoder_dropout
from tasks.sentiment.pretraining import masking
from tasks.sentiment.pretraining.config import Config
from tasks.sentiment.pretraining.data import Data
from tasks.sentiment.pretraining.model import MaskedTokens, ReplacedTokens
from tasks.sentiment.pretraining.tokens import Pieces, encode, joined
from tasks.sentiment.vocabulary import SPECIAL, build_vocabulary
from tasks.sentiment.weights import described_encoder, load_encoder


class Task:
    """An encoder on unlabelled texts.

    Args:
        assets: folder that gets the vocabulary, and the list of texts that were left out.
        trained: weights and vocabulary are there already.
    """

    def __init__(self, config: Config, data: Data, assets: Path, trained: bool = False):
        self.config, self.data, self.assets = config, data, assets
        paddle.seed(derive(config.train.seed, "initialisation"))
        encoder, self.tokenizer = self._encoder(trained)
        set_encoder_dropout(encoder, config.model.dropout)
        self.replaces = config.objective.name == "replaced_tokens"
        if self.replaces:
            self.model = ReplacedTokens(
                encoder, config.model.generator_layers, config.objective.detection_weight
            )
        else:
            self.model = MaskedTokens(encoder)
        self.selection_metric = "detection_accuracy" if self.replaces else "masked_accuracy"
        self.depth_of = bert_depth_of(encoder.config.num_hidden_layers)
        vocabulary = self.tokenizer.vocab
        pad, cls, sep, mask = (vocabulary[SPECIAL[i]] for i in (0, 2, 3, 4))
        self.special = masking.Special(pad, cls, sep, mask, max(pad, cls, sep, mask) + 1, len(vocabulary))
        self._encode_texts()
        if not trained:
            write_csv(assets / "removed.csv", [dataclasses.asdict(one) for one in data.removed])
            write_csv(assets / "corpora.csv", data.sizes)

    def plan(self, epoch: int) -> list[np.ndarray]:
        """The batches of one part of the run."""
        total = sum(self.batches_of_stage)
        updates = -(-total // self.config.train.epochs)
        first, chosen = epoch * updates, []
        while len(chosen) < updates:
            # The last part is filled up from the beginning.
            stage, number, batch = self._place((first + len(chosen)) % total)
            chosen += self._batches(stage, number)[batch : batch + updates - len(chosen)]
        return chosen

    def dataset(self, epoch: int) -> paddle.io.Dataset:
        """The pieces, each with its epoch and index, from which the mask is drawn."""
        return _Texts(self.pieces, epoch)

    def collate(self, samples: list[tuple]) -> tuple[np.ndarray, ...]:
        """What :meth:`MaskedTokens.losses` takes; the mask depends on epoch and first text."""
        pieces, epoch, index = [piece for piece, _, _ in samples], samples[0][1], samples[0][2]
        return self._hidden(pieces, generator(self.config.train.seed, "mask", epoch, index))

    def items(self, batch: tuple) -> int:
        """Tokens of a batch, padding included."""
        return batch[0].size

    def loss(self, model: paddle.nn.Layer, batch: tuple) -> paddle.Tensor:
        """The objective's loss, a mean over tokens."""
        network = getattr(model, "_layers", model)
        return network.losses(*batch)["loss"]

    def evaluate(self) -> dict[str, float]:
        """Losses and accuracies on the held-out texts, masked as always."""
        require_evaluation_mode(self.model)
        sums: dict[str, float] = {}
        tokens = 0.0
        order = np.argsort(self.held_out.lengths, kind="stable")
        rng = generator(0, "held out")
        with paddle.no_grad():
            paddle.seed(0)
            for part in self._cut(order, self.held_out.lengths):
                batch = self._hidden([self.held_out[i] for i in part], rng)
                counted = float(batch[3].sum())
                for name, value in self.model.losses(*map(paddle.to_tensor, batch)).items():
                    sums[name] = sums.get(name, 0.0) + float(value) * counted
                tokens += counted
        found = {f"validation_{name}": value / tokens for name, value in sums.items()}
        found["validation_perplexity"] = float(np.exp(found["validation_masked_loss"]))
        return found

    def evaluate_split(self, split: str) -> tuple[dict[str, float], list[dict[str, Any]]]:
        """Metrics on the held-out texts; there are no predictions to keep."""
        metrics = {name.replace("validation_", ""): value for name, value in self.evaluate().items()}
        return metrics, []

    def report_sections(self, run: RunFolder) -> list[Section]:
        """What the texts are, and what was left out of them."""
        columns = list(self.data.sizes[0])
        rows = [[str(row[name]) for name in columns] for row in self.data.sizes]
        return [Section("Texts, and how many decontamination left out", tables=[HtmlTable(columns, rows)])]

    def write_encoder(self, folder: Path) -> None:
        """The encoder in half precision, as a folder that ``model.weights`` names."""
        write_encoder(self.model.encoder, self.assets, folder)

    def _encoder(self, trained: bool) -> tuple[BertModel, Any]:
        model, data = self.config.model, self.config.data
        if model.weights is not None:
            if trained:
                return described_encoder(self.assets)
            return load_encoder(model.weights, self.assets, data.max_length)
        file = self.assets / "vocab.txt"
        if not file.exists():
            texts = [text for texts in self.data.corpora.values() for text in texts]
            vocabulary = build_vocabulary(texts, data.vocabulary_size, words=data.vocabulary_size // 10)
            write_text(file, "\n".join(vocabulary) + "\n")
        tokenizer = BertTokenizer(str(file))
        config = BertConfig(
            vocab_size=len(tokenizer.vocab),
            hidden_size=model.hidden_size,
            num_hidden_layers=model.layers,
            num_attention_heads=model.heads,
            intermediate_size=4 * model.hidden_size,
            max_position_embeddings=data.max_length,
            type_vocab_size=2,
        )
        return BertModel(config), tokenizer

    def _encode_texts(self) -> None:
        longest = self.config.data.max_length - 2
        parts = {
            name: encode(texts, self.tokenizer, longest, name) for name, texts in self.data.corpora.items()
        }
        self.held_out = encode(self.data.held_out, self.tokenizer, longest)
        self.pieces = joined(list(parts.values()))
        ends = np.cumsum([0, *(len(part) for part in parts.values())])
        numbers = {name: np.arange(a, b) for name, a, b in zip(parts, ends[:-1], ends[1:])}
        stages = self.config.data.stages
        self.stage_pieces = [np.concatenate([numbers[name] for name in stage.corpora]) for stage in stages]
        self.lengths = self.pieces.lengths
        once = [len(self._cut(own[self._order(own)], self.lengths)) for own in self.stage_pieces]
        self.batches_of_pass = once
        self.batches_of_stage = [number * stage.passes for number, stage in zip(once, stages)]

    def _place(self, batch: int) -> tuple[int, int, int]:
        """Stage, pass and batch of the pass at one place of the whole sequence."""
        for stage, number in enumerate(self.batches_of_stage):
            if batch < number:
                return (stage, *divmod(batch, self.batches_of_pass[stage]))
            batch -= number
        raise IndexError(batch)

    @functools.lru_cache(maxsize=2)  # noqa: B019 - one task lives as long as its process
    def _batches(self, stage: int, number: int) -> list[np.ndarray]:
        """One pass: pieces of equal length in a new order, cut into batches, and these in a new order."""
        rng = generator(self.config.data.seed, "order", stage, number)
        own = rng.permutation(self.stage_pieces[stage])
        batches = self._cut(own[self._order(own)], self.lengths)
        return [batches[i] for i in rng.permutation(len(batches))]

    def _order(self, pieces: np.ndarray) -> np.ndarray:
        return np.argsort(self.lengths[pieces], kind="stable")

    def _cut(self, sorted_pieces: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        """Batches of at most ``tokens_per_batch`` tokens, from pieces in the order of their lengths."""
        # From the longest on, the first of a batch says how many fit.
        pieces, batches, start = sorted_pieces[::-1], [], 0
        while start < len(pieces):
            fit = max(1, self.config.data.tokens_per_batch // (int(lengths[pieces[start]]) + 2))
            batches.append(pieces[start : start + fit])
            start += fit
        return batches

    def _hidden(self, pieces: list, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        objective = self.config.objective
        original, words = masking.padded(pieces, self.special)
        positions, counts = masking.choose(words, objective.masked_share, objective.whole_words, rng)
        hidden = masking.replace(original, positions, counts, self.special, rng, always=self.replaces)
        targets = np.take_along_axis(original, positions, 1)
        return hidden, positions, targets, counts.astype(np.float32), original


class _Texts(paddle.io.Dataset):
    def __init__(self, pieces: Pieces, epoch: int):
        super().__init__()
        self.pieces, self.epoch = pieces, epoch

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> tuple[tuple[np.ndarray, np.ndarray], int, Optional[int]]:
        return self.pieces[index], self.epoch, index
