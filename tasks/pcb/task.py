"""The PCB task as the training loop and the scripts see it."""

import json
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Optional

import numpy as np
import paddle

from common.evaluation import detection
from common.regularization.mixup import BoxSample
from common.reporting.page import Section
from common.seeding import derive, generator
from common.training import loop
from common.training.class_weights import class_weights
from common.training.run_folder import RunFolder, write_text
from tasks.pcb.anchors import training_anchors
from tasks.pcb.augment import Augmenter, run_epochs
from tasks.pcb.config import SELECTION_METRIC, STRIDES, Config
from tasks.pcb.data import Data, Picture
from tasks.pcb.detect import Detector, shrink, stack_images
from tasks.pcb.images import read_image
from tasks.pcb.metrics import detection_metrics, split_metrics, truths_of
from tasks.pcb.model import YOLOv3, depth_of
from tasks.pcb.pairs import read_shown, shown_without_defect
from tasks.pcb.predictions import picture_names, prediction_rows, rounded, templates_of
from tasks.pcb.report import report_sections
from tasks.pcb.sampling import class_repeat_factors, repeat_factors, systematic_sample
from tasks.pcb.source import ANCHORS_FILE, write_classes
from tasks.pcb.targets import assign_targets, pad_boxes
from tasks.pcb.threshold import hash_weights, keep_threshold, kept_threshold
from tasks.pcb.weights import load_weights

EVALUATION_BATCH = 4
MOST_CACHED_BYTES = 4 * 2**30


class Task(loop.Task):
    """YOLOv3 on annotated pictures.

    Args:
        assets: folder with ``anchors.json``, made there from the training boxes if missing, and the
            names of the classes.
        trained: the weights will come from a checkpoint, and ``model.weights`` is not read.
    """

    selection_metric = SELECTION_METRIC

    def __init__(self, config: Config, data: Data, assets: Path, trained: bool = False):
        self.config, self.data, self.assets = config, data, assets
        self.strides = STRIDES[config.model.backbone]
        self.depth_of = depth_of(config.model.backbone)
        self.anchors = _load_or_cluster_anchors(assets / ANCHORS_FILE, data, config)
        write_classes(assets, data.classes)
        paddle.seed(derive(config.train.seed, "initialisation"))
        self.model = YOLOv3(config.model, self.anchors, len(data.classes))
        if config.model.weights is not None and not trained:
            load_weights(self.model, config.model.weights, assets)
        self.detector = Detector(data.classes, self.strides[0], config.data.scale, self._forward)
        self.images: dict[tuple[Path, Optional[Path]], np.ndarray] = {}

    def plan(self, epoch: int) -> list[np.ndarray]:
        """A fresh order of all crops of the training pictures, in batches."""
        number = len(self.data.splits["train"]) * self.config.augment.crops
        order = generator(self.config.train.seed, "order", epoch).permutation(number)
        return np.split(order, range(self.config.train.batch_size, number, self.config.train.batch_size))

    def dataset(self, epoch: int) -> paddle.io.Dataset:
        """Augmented samples with their targets."""
        return _TrainingView(self, epoch)

    def collate(self, samples: list[tuple[BoxSample, list[np.ndarray]]]) -> tuple:
        """Images [batch, channels, side, side], padded boxes, and one target a level."""
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
        pictures, classes = self.data.splits["validation"], self.data.classes
        found = self.predict(pictures)
        threshold = detection.best_threshold(truths_of(pictures), found)
        metrics = detection_metrics(pictures, found, threshold, classes)
        row = {f"validation_{name}": value for name, value in metrics.items()}
        number = self.config.train.train_samples_evaluated
        if number:
            train = self.data.splits["train"]
            chosen = generator(0, "train samples evaluated").permutation(len(train))[:number]
            some = [train[i] for i in chosen]
            known = detection.average_precision(truths_of(some), self.predict(some), classes)
            row["train_map_50"] = known["map_50"]
        return row

    def evaluate_split(self, split: str) -> tuple[dict[str, float], list[dict[str, Any]]]:
        """Metrics of one split and the detections they come from, those on templates among them.

        The score threshold of the error rates is the one with the greatest F1 on validation,
        whatever the split. A model of pairs sees each template beside itself as another scan would have
        it, see :func:`tasks.pcb.pairs.shown_without_defect`.
        """
        pictures, classes = self.data.splits[split], self.data.classes
        templates = templates_of(pictures)
        found = [rounded(detections) for detections in self.predict(pictures)]
        on_templates = [rounded(detections) for detections in self._detect(map(self._template, templates))]
        names = picture_names([*(picture.path for picture in pictures), *templates])
        rows = prediction_rows(names, [*found, *on_templates], classes)
        threshold = self._threshold(split, found)
        train = self.data.splits["train"]
        return split_metrics(pictures, found, on_templates, threshold, train, classes), rows

    def report_sections(self, run: RunFolder) -> list[Section]:
        """What the report of a run shows beside metrics and curves."""
        return report_sections(run, self.data, self.config.data.bits)

    def predict(self, pictures: list[Picture]) -> list[detection.Detections]:
        """Detections of whole pictures, in their order, in pixels of the unscaled picture."""
        return self._detect(self.image(picture.path, self._shown_template(picture)) for picture in pictures)

    def _detect(self, images: Iterator[np.ndarray]) -> list[detection.Detections]:
        found = []
        while batch := list(islice(images, EVALUATION_BATCH)):
            found += self.detector.detect_scaled(batch)
        return found

    def _template(self, path: Path) -> np.ndarray:
        """What is shown of a template, scaled, in which there is nothing to be found."""
        if self.config.model.input == "tested":
            return self.image(path)
        pair = shown_without_defect(read_image(path, self.config.data.bits), 0, path.name)
        return shrink(pair, self.config.data.scale)

    def _shown_template(self, picture: Picture) -> Optional[Path]:
        return picture.template if self.config.model.input != "tested" else None

    def _forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with paddle.no_grad():
            boxes, scores = self.model.decoded(paddle.to_tensor(images))
        return boxes.numpy(), scores.numpy()

    def image(self, path: Path, template: Optional[Path] = None) -> np.ndarray:
        """A picture or a pair, scaled by ``data.scale``; decoded once and kept while they fit."""
        if (path, template) in self.images:
            return self.images[path, template]
        image = shrink(read_shown(path, template, self.config.data.bits), self.config.data.scale)
        if sum(kept.nbytes for kept in self.images.values()) + image.nbytes <= MOST_CACHED_BYTES:
            self.images[path, template] = image
        return image

    @cached_property
    def class_weights(self) -> np.ndarray:
        """Factor on the loss of the boxes of each class, float [classes]."""
        labels = np.concatenate([picture.labels for picture in self.data.splits["train"]])
        return class_weights(self.config.loss.class_weights, labels, len(self.data.classes))

    def training_sample(self, index: int) -> BoxSample:
        """A whole training picture with its boxes."""
        picture = self.data.splits["train"][index]
        image = self.image(picture.path, self._shown_template(picture))
        weights = self.class_weights[picture.labels].astype(np.float32)
        boxes = picture.boxes * np.float32(self.config.data.scale)
        return BoxSample(image, boxes, picture.labels, weights)

    def _threshold(self, split: str, found: list[detection.Detections]) -> float:
        """The one that validation chooses for these weights; ``found`` are the detections of ``split``."""
        weights = hash_weights(self.model)
        kept = kept_threshold(self.assets, weights) if split != "validation" else None
        if kept is not None:
            return kept
        pictures = self.data.splits["validation"]
        if split != "validation":
            found = [rounded(detections) for detections in self.predict(pictures)]
        threshold = detection.best_threshold(truths_of(pictures), found)
        keep_threshold(self.assets, threshold, weights)
        return threshold


class _TrainingView(paddle.io.Dataset):
    def __init__(self, task: Task, epoch: int):
        super().__init__()
        config, train = task.config, task.data.splits["train"]
        number = len(train) * config.augment.crops
        self.shown, factors = np.arange(number) % len(train), None
        if config.data.repeat_threshold:
            factors = class_repeat_factors(train, len(task.data.classes), config.data.repeat_threshold)
            rng = generator(config.train.seed, "repeated pictures", epoch)
            self.shown = systematic_sample(repeat_factors(train, factors), number, rng)
        self.augmenter = Augmenter(
            lambda index: task.training_sample(self.shown[index]),
            number,
            config.augment,
            run_epochs(config, len(train)),
            config.train.seed,
            factors,
        )
        self.sides = _sides(task, epoch, number)
        self.anchors = np.array(task.anchors, np.float32)
        self.strides = task.strides
        self.classes, self.model = len(task.data.classes), config.model
        self.epoch, self.number = epoch, number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> tuple[BoxSample, list[np.ndarray]]:
        sample = self.augmenter.sample(self.epoch, index, self.sides[index])
        targets = assign_targets(
            sample,
            self.anchors,
            self.strides,
            self.classes,
            self.model.assign_iou,
            self.model.neighbour_cells,
        )
        return sample, targets


def _sides(task: Task, epoch: int, number: int) -> list[int]:
    """Side of each view of an epoch, the same for all of an update."""
    augment = task.config.augment
    sides = np.full(number, augment.crop)
    if augment.multiscale:
        rng = generator(task.config.train.seed, "multiscale", epoch)
        for views in task.plan(epoch):
            sides[views] = rng.choice(augment.multiscale)
    return sides.tolist()


def _load_or_cluster_anchors(file: Path, data: Data, config: Config) -> list[list[int]]:
    """Anchors of the training boxes as training will see them, magnified."""
    if not file.exists():
        boxes = np.concatenate([picture.boxes for picture in data.splits["train"]])
        write_text(file, json.dumps(training_anchors(boxes, config)) + "\n")
    return json.loads(file.read_text())
