"""The PCB task as the training loop and the scripts see it."""

import json
from pathlib import Path
from typing import Any, Optional

import cv2
import numpy as np
import paddle

from common.evaluation import detection
from common.regularization.mixup import BoxSample
from common.reporting.page import Section
from common.seeding import derive, generator
from common.training import loop
from common.training.run_folder import RunFolder, write_text
from tasks.pcb.anchors import cluster_anchors
from tasks.pcb.augment import Augmenter, draw_magnification
from tasks.pcb.config import SELECTION_METRIC, STRIDES, Config
from tasks.pcb.data import Data, Picture, read_image
from tasks.pcb.model import YOLOv3, depth_of
from tasks.pcb.targets import assign_targets, pad_boxes

EVALUATION_BATCH = 4
MOST_CACHED_BYTES = 4 * 2**30


class Task(loop.Task):
    """YOLOv3 on annotated pictures.

    Args:
        assets: folder with ``anchors.json``; made there from the training boxes if missing.
        trained: the weights will come from a checkpoint; nothing else starts from a file.
    """

    selection_metric = SELECTION_METRIC

    def __init__(self, config: Config, data: Data, assets: Path, trained: bool = False):
        self.config, self.data = config, data
        self.strides = STRIDES[config.model.backbone]
        self.depth_of = depth_of(config.model.backbone)
        self.anchors = _load_or_cluster_anchors(assets / "anchors.json", data, config)
        paddle.seed(derive(config.train.seed, "initialisation"))
        self.model = YOLOv3(config.model, self.anchors, len(data.classes))
        self.images: dict[Path, np.ndarray] = {}

    def plan(self, epoch: int) -> list[np.ndarray]:
        """A fresh order of all crops of the training pictures, in batches."""
        number = len(self.data.splits["train"]) * self.config.augment.crops
        order = generator(self.config.train.seed, "order", epoch).permutation(number)
        return np.split(order, range(self.config.train.batch_size, number, self.config.train.batch_size))

    def dataset(self, epoch: int) -> paddle.io.Dataset:
        """Augmented samples with their targets."""
        return _TrainingView(self, epoch)

    def collate(self, samples: list[tuple[BoxSample, list[np.ndarray]]]) -> tuple:
        """Images [batch, 1 or 3, side, side], padded boxes, and one target a level."""
        images = stack_images([sample.image for sample, _ in samples])
        levels = [np.stack(level) for level in zip(*(targets for _, targets in samples))]
        return (images, pad_boxes([sample for sample, _ in samples]), *levels)

    def loss(self, model: paddle.nn.Layer, batch: tuple) -> paddle.Tensor:
        """PaddleDetection's YOLOv3 loss, mean over pictures."""
        images, boxes, *levels = batch
        targets = {f"target{i}": level for i, level in enumerate(levels)}
        return model(images, {**targets, "gt_bbox": boxes})["loss"]

    def items(self, batch: tuple) -> int:
        """Pictures of a batch."""
        return len(batch[0])

    def evaluate(self) -> dict[str, float]:
        """Detection metrics on validation, and ``map_50`` on some training pictures."""
        pictures = self.data.splits["validation"]
        metrics = self._metrics(pictures, self.predict(pictures), None)
        row = {f"validation_{name}": value for name, value in metrics.items()}
        number = self.config.train.train_samples_evaluated
        if number:
            train = self.data.splits["train"]
            chosen = generator(0, "train samples evaluated").permutation(len(train))[:number]
            some = [train[i] for i in chosen]
            row["train_map_50"] = self._metrics(some, self.predict(some), None)["map_50"]
        return row

    def evaluate_split(self, split: str) -> tuple[dict[str, float], list[dict[str, Any]]]:
        """Metrics of one split and the detections they come from.

        The score threshold of the error rates is the one with the greatest F1 on validation,
        whatever the split.
        """
        pictures = self.data.splits[split]
        found = self.predict(pictures)
        rows = [
            {
                "image": picture.path.name,
                "class": self.data.classes[label],
                "score": round(float(score), 6),
                **{name: round(float(v), 2) for name, v in zip(("x1", "y1", "x2", "y2"), box)},
            }
            for picture, detections in zip(pictures, found)
            for box, label, score in zip(detections.boxes, detections.labels, detections.scores)
        ]
        metrics = self._metrics(pictures, found, self._validation_threshold(split, found))
        if split == "test":
            metrics.update(self._by_board(pictures, found))
        return metrics, rows

    def report_sections(self, run: RunFolder) -> list[Section]:
        """Nothing yet beside metrics and curves."""
        return []

    def predict(self, pictures: list[Picture]) -> list[detection.Detections]:
        """Detections of whole pictures, in their order, in pixels of the unscaled picture."""
        found = []
        with paddle.no_grad():
            for start in range(0, len(pictures), EVALUATION_BATCH):
                images = [self.image(p.path) for p in pictures[start : start + EVALUATION_BATCH]]
                rows = self.model.detect(paddle.to_tensor(stack_images(images, self.strides[0])))
                found += [_to_detections(r, im, self.config.data.scale) for r, im in zip(rows, images)]
        return found

    def image(self, path: Path) -> np.ndarray:
        """Pixels of a picture, scaled by ``data.scale``; decoded once and kept while they fit."""
        if path in self.images:
            return self.images[path]
        image = shrink(read_image(path, self.config.data.bits), self.config.data.scale)
        if sum(kept.nbytes for kept in self.images.values()) + image.nbytes <= MOST_CACHED_BYTES:
            self.images[path] = image
        return image

    def training_sample(self, index: int) -> BoxSample:
        """The whole training picture of a crop's number, with its boxes."""
        train = self.data.splits["train"]
        picture = train[index % len(train)]
        image = self.image(picture.path)
        weights = np.ones(len(picture.labels), np.float32)
        boxes = picture.boxes * np.float32(self.config.data.scale)
        return BoxSample(image, boxes, picture.labels, weights)

    def _validation_threshold(self, split: str, found: list[detection.Detections]) -> float:
        pictures = self.data.splits["validation"]
        found = found if split == "validation" else self.predict(pictures)
        return detection.best_threshold(self._truths(pictures), found)

    def _truths(self, pictures: list[Picture]) -> list[detection.Truth]:
        return [detection.Truth(picture.boxes, picture.labels) for picture in pictures]

    def _metrics(self, pictures, found, threshold: Optional[float]) -> dict[str, float]:
        truths = self._truths(pictures)
        if threshold is None:
            threshold = detection.best_threshold(truths, found)
        return {
            **detection.average_precision(truths, found, self.data.classes),
            **detection.rates_at_threshold(truths, found, threshold),
        }

    def _by_board(self, pictures, found) -> dict[str, float]:
        known = {picture.group for picture in self.data.splits["train"]}
        metrics = {}
        for name, wanted in (("seen_boards", True), ("unseen_boards", False)):
            chosen = [i for i, p in enumerate(pictures) if (p.group in known) == wanted]
            if chosen:
                part = self._metrics([pictures[i] for i in chosen], [found[i] for i in chosen], 0.5)
                metrics[f"map_50_{name}"] = part["map_50"]
        return metrics


class _TrainingView(paddle.io.Dataset):
    def __init__(self, task: Task, epoch: int):
        super().__init__()
        config = task.config
        number = len(task.data.splits["train"]) * config.augment.crops
        updates = -(-number // config.train.batch_size)
        steps = config.train.steps
        epochs = -(-steps // updates) if steps else config.train.epochs
        self.augmenter = Augmenter(task.training_sample, number, config.augment, epochs, config.train.seed)
        self.anchors = np.array(task.anchors, np.float32)
        self.strides = task.strides
        self.classes, self.model = len(task.data.classes), config.model
        self.epoch, self.number = epoch, number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> tuple[BoxSample, list[np.ndarray]]:
        sample = self.augmenter.sample(self.epoch, index)
        targets = assign_targets(
            sample,
            self.anchors,
            self.strides,
            self.classes,
            self.model.assign_iou,
            self.model.neighbour_cells,
        )
        return sample, targets


def stack_images(images: list[np.ndarray], stride: int = 1) -> np.ndarray:
    """Pictures [height, width, 1 or 3] as one float32 array [batch, channels, height, width].

    Grey ones stay one channel if all are grey. Smaller pictures are filled up with black, at
    the right and at the bottom, to the largest sides and on to multiples of ``stride``.
    """
    height, width = (-(-max(i.shape[axis] for i in images) // stride) * stride for axis in (0, 1))
    batch = np.zeros((len(images), max(i.shape[2] for i in images), height, width), np.float32)
    for row, image in zip(batch, images):
        row[:, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
    return batch


def shrink(image: np.ndarray, scale: float) -> np.ndarray:
    """The picture with its sides times ``scale``, each new pixel the mean of those it covers."""
    if scale == 1.0:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return scaled[:, :, None] if scaled.ndim == 2 else scaled


def _to_detections(rows: np.ndarray, image: np.ndarray, scale: float) -> detection.Detections:
    height, width = image.shape[:2]
    rows = rows[rows[:, 0] >= 0]
    boxes = rows[:, 2:].clip(0, [width, height, width, height]).astype(np.float32)
    inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return detection.Detections(boxes[inside] / scale, rows[inside, 0].astype(int), rows[inside, 1])


def _load_or_cluster_anchors(file: Path, data: Data, config: Config) -> list[list[int]]:
    """Anchors of the training boxes as training will see them, magnified."""
    if not file.exists():
        boxes = np.concatenate([picture.boxes for picture in data.splits["train"]]) * config.data.scale
        rng = generator(config.train.seed, "magnification of anchors")
        sizes = (boxes[:, 2:] - boxes[:, :2]) * draw_magnification(config.augment, len(boxes), rng)
        write_text(file, json.dumps(cluster_anchors(sizes, seed=derive(config.train.seed, "anchors"))) + "\n")
    return json.loads(file.read_text())
