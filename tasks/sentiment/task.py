"""The sentiment task as the training loop and the scripts see it."""

from pathlib import Path
from typing import Any, Optional

import numpy as np
import paddle
from paddlenlp.transformers import BertTokenizer

from common.errors import UserError
from common.evaluation.classification import class_metrics, classification_metrics
from common.evaluation.mode import require_evaluation_mode
from common.regularization.depths import bert_depth_of
from common.reporting.page import Section
from common.seeding import derive, generator
from common.training import loop
from common.training.run_folder import RunFolder, write_text
from tasks.sentiment.classifier import Classifier
from tasks.sentiment.config import HEADLINE_METRICS, SELECTION_METRIC, Config, check_frozen_layers
from tasks.sentiment.data import Data, Review, labels_of
from tasks.sentiment.labels import Labels
from tasks.sentiment.loss import ClassificationLoss
from tasks.sentiment.model import SentimentModel, new_encoder, set_encoder_dropout
from tasks.sentiment.report import report_sections
from tasks.sentiment.vocabulary import build_vocabulary
from tasks.sentiment.weights import described_encoder, load_encoder

BATCHES_SORTED_TOGETHER = 20


class Task(loop.Task):
    """BERT on labelled reviews.

    Args:
        assets: folder with ``labels.json`` and ``vocab.txt``, or for a model that did not start from
            scratch with the files that describe encoder and tokenizer; written there for a new run.
        trained: the weights will come from a checkpoint, so that ``model.weights`` is not read.
    """

    selection_metric = SELECTION_METRIC

    def __init__(self, config: Config, data: Data, assets: Path, trained: bool = False):
        self.config, self.data = config, data
        if not trained:
            Labels(data.classes, config.data.text_column, config.data.label_column).write(assets)
        paddle.seed(derive(config.train.seed, "initialisation"))
        if config.model.weights is None:
            file = assets / "vocab.txt"
            # An attempt that failed may have left one there, made of other texts.
            if not (trained and file.exists()):
                vocabulary = build_vocabulary([review.text for review in data.splits["train"]])
                write_text(file, "\n".join(vocabulary) + "\n")
            self.tokenizer = BertTokenizer(str(file))
            encoder = new_encoder(config.model, len(self.tokenizer.vocab))
        elif trained:
            encoder, self.tokenizer = described_encoder(assets)
        else:
            length, pooler_read = config.data.max_length, config.model.pooling == "cls"
            encoder, self.tokenizer = load_encoder(config.model.weights, assets, length, pooler_read)
        if config.model.encoder_dropout is not None:
            set_encoder_dropout(encoder, config.model.encoder_dropout)
        self.model = SentimentModel(encoder, len(data.classes), config.model.dropout, config.model.pooling)
        self.depth_of = bert_depth_of(encoder.config.num_hidden_layers)
        self._freeze(config.model.frozen_layers, encoder.config.num_hidden_layers)
        self.loss_of = ClassificationLoss(config.loss, labels_of(data.splits["train"]), len(data.classes))
        self.classifier = Classifier(self.tokenizer, config.data.max_length, self._forward)
        self.token_ids: dict[str, list[np.ndarray]] = {}

    def plan(self, epoch: int) -> list[np.ndarray]:
        """All training reviews in batches of similar length, in a fresh order.

        Some batches' worth of shuffled reviews are sorted by length and cut into batches, and
        the batches are shuffled: little padding, and still other neighbours every epoch.
        """
        rng = generator(self.config.train.seed, "order", epoch)
        lengths = np.array([len(ids) for ids in self._tokens("train")])
        size = self.config.train.batch_size
        order = self._draw_epoch(rng)
        together = size * BATCHES_SORTED_TOGETHER
        batches = []
        for part in np.split(order, range(together, len(order), together)):
            part = part[np.argsort(lengths[part], kind="stable")]
            batches += np.split(part, range(size, len(part), size))
        return [batches[i] for i in rng.permutation(len(batches))]

    def dataset(self, epoch: int) -> paddle.io.Dataset:
        """Token ids and labels; the same in every epoch."""
        return _Reviews(self._tokens("train"), self.data.splits["train"])

    def collate(self, samples: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
        """Token ids [batch, longest] and labels [batch]."""
        return self.classifier.pad([ids for ids, _ in samples]), np.array([label for _, label in samples])

    def loss(self, model: paddle.nn.Layer, batch: tuple) -> paddle.Tensor:
        """Mean over reviews of what the configuration's ``loss`` asks for."""
        return self.loss_of(model, *batch)

    def items(self, batch: tuple) -> int:
        """Reviews of a batch."""
        return len(batch[1])

    def evaluate(self) -> dict[str, float]:
        """Metrics on validation, and, in evaluation mode, on some training reviews."""
        row = self._metrics("validation")
        number = self.config.train.train_samples_evaluated
        if number:
            order = generator(0, "train samples evaluated").permutation(len(self.data.splits["train"]))
            known = self._metrics("train", order[:number])
            # The loop writes a train_loss of its own: the one that was optimised, dropout included.
            row.update({name: value for name, value in known.items() if name != "train_loss"})
        return row

    def evaluate_split(self, split: str) -> tuple[dict[str, float], list[dict[str, Any]]]:
        """Metrics of one split, its part that training has not seen, and the predictions behind them."""
        classes, reviews = self.data.classes, self.data.splits[split]
        labels, seen = labels_of(reviews), self.data.seen(split)
        probabilities = self._probabilities(split, np.arange(len(reviews)))
        rows = [
            {
                "label": classes[review.label],
                "predicted": classes[row.argmax()],
                **{f"p_{name}": round(float(p), 6) for name, p in zip(classes, row)},
                "group": review.group,
                "seen": bool(known),
                "text": review.text,
            }
            for review, row, known in zip(reviews, probabilities, seen)
        ]
        metrics = classification_metrics(labels, probabilities)
        if split != "train" and seen.any() and not seen.all():
            unseen = classification_metrics(labels[~seen], probabilities[~seen])
            metrics["texts_seen_in_training"] = int(seen.sum())
            metrics.update(
                {f"{name}_unseen_texts": unseen[name] for name in HEADLINE_METRICS if name in unseen}
            )
        metrics.update(class_metrics(labels, probabilities, classes))
        return metrics, rows

    def report_sections(self, run: RunFolder) -> list[Section]:
        """What the report of a run shows beside metrics and curves."""
        return report_sections(run, self.data, self.config)

    def _freeze(self, layers: int, blocks: int) -> None:
        try:
            check_frozen_layers(layers, blocks)
        except ValueError as error:
            raise UserError(str(error)) from None
        for name, parameter in self.model.named_parameters():
            if self.depth_of(name) < layers:
                parameter.stop_gradient = True

    def _draw_epoch(self, rng: np.random.Generator) -> np.ndarray:
        labels = labels_of(self.data.splits["train"])
        if self.config.data.sampling == "shuffled":
            return rng.permutation(len(labels))
        share = 1 / np.bincount(labels)[labels]
        return rng.choice(len(labels), len(labels), p=share / share.sum())

    def _metrics(self, split: str, rows: Optional[np.ndarray] = None) -> dict[str, float]:
        rows = np.arange(len(self.data.splits[split])) if rows is None else rows
        labels = labels_of(self.data.splits[split])[rows]
        metrics = classification_metrics(labels, self._probabilities(split, rows))
        return {f"{split}_{metric}": value for metric, value in metrics.items()}

    def _probabilities(self, split: str, rows: np.ndarray) -> np.ndarray:
        tokens = self._tokens(split)
        return self.classifier.probabilities([tokens[i] for i in rows])

    def _forward(self, token_ids: np.ndarray) -> np.ndarray:
        require_evaluation_mode(self.model)
        with paddle.no_grad():
            logits = self.model(paddle.to_tensor(token_ids))
            return paddle.nn.functional.softmax(logits.astype("float64")).numpy()

    def _tokens(self, split: str) -> list[np.ndarray]:
        if split not in self.token_ids:
            texts = [review.text for review in self.data.splits[split]]
            self.token_ids[split] = self.classifier.encode(texts)
        return self.token_ids[split]


class _Reviews(paddle.io.Dataset):
    def __init__(self, token_ids: list[np.ndarray], reviews: list[Review]):
        super().__init__()
        self.token_ids, self.reviews = token_ids, reviews

    def __len__(self) -> int:
        return len(self.reviews)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.token_ids[index], self.reviews[index].label
