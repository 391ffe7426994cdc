"""Train a YOLOv3 as PaddleDetection does on `work.json` of benchmark.py; print its speed as JSON.

Reader, target operator, loss, optimizer builder, statistics and order of a step are PaddleDetection's;
only the parts of the network are put together as in the configuration. By default pictures are decoded
once and merely flipped and resized, in the process that trains; `--as-it-comes` follows the reader of
PaddleDetection's YOLOv3 configurations: decoding each time, its augmentation, two worker processes.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paddle
from ppdet.data.reader import TrainReader
from ppdet.data.source.dataset import DetDataset
from ppdet.modeling.losses.iou_loss import IouLoss
from ppdet.modeling.losses.yolo_loss import YOLOv3Loss
from ppdet.optimizer.optimizer import LearningRate, LinearWarmup, OptimizerBuilder, PiecewiseDecay
from ppdet.utils.stats import SmoothedValue, TrainingStats

from tasks.pcb.config import Model
from tasks.pcb.model import YOLOv3

EPOCHS = 2
# Of PaddleDetection's configs/yolov3/_base_: what it does to a picture before it is resized.
PUBLISHED_AUGMENTATION = [
    {"Decode": {}},
    {"Mixup": {"alpha": 1.5, "beta": 1.5}},
    {"RandomDistort": {}},
    {"RandomExpand": {"fill_value": [123.675, 116.28, 103.53]}},
    {"RandomCrop": {}},
    {"RandomFlip": {}},
]
BOXES_PADDED_TO = 50
LOG_EVERY = 20


class Pictures(DetDataset):
    """The records of ``work.json``, their pictures decoded already or by the reader."""

    def __init__(self, pictures: list[dict], repeat: int, decoded: bool):
        super().__init__(repeat=repeat)
        self.roidbs = [self._record(i, picture, decoded) for i, picture in enumerate(pictures)]

    def check_or_download_dataset(self):
        """All is there."""

    def parse_dataset(self):
        """Done already."""

    @staticmethod
    def _record(number: int, picture: dict, decoded: bool) -> dict[str, Any]:
        image = cv2.cvtColor(cv2.imread(picture["file"]), cv2.COLOR_BGR2RGB)
        height, width = image.shape[:2]
        content = {
            "image": image,
            "im_shape": np.array([height, width], np.float32),
            "scale_factor": np.ones(2, np.float32),
        }
        return {
            **(content if decoded else {"im_file": picture["file"]}),
            "im_id": np.array([number]),
            "h": height,
            "w": width,
            "gt_bbox": np.array(picture["boxes"], np.float32).reshape(-1, 4),
            "gt_class": np.array(picture["labels"], np.int32).reshape(-1, 1),
            "gt_score": np.ones((len(picture["labels"]), 1), np.float32),
        }


class Architecture(paddle.nn.Layer):
    """Backbone, neck and head on what the reader gives, as PaddleDetection's YOLOv3."""

    def __init__(self, work: dict):
        super().__init__()
        config = Model(**work["model"])
        network = YOLOv3(config, work["anchors"], work["classes"])
        self.backbone, self.neck, self.dropout = network.backbone, network.neck, network.dropout
        self.head = network.head
        self.head.loss = YOLOv3Loss(
            work["classes"],
            ignore_thresh=config.ignore_iou,
            downsample=work["strides"],
            scale_x_y=network.scale,
            iou_loss=IouLoss(config.iou_loss) if config.iou_loss else None,
        )

    def forward(self, data: dict[str, paddle.Tensor]) -> dict[str, paddle.Tensor]:
        """Losses by name, their sum as ``loss``."""
        return self.head([self.dropout(f) for f in self.neck(self.backbone(data))], data)


def reader(work: dict, as_it_comes: bool) -> TrainReader:
    """Batches with the targets of PaddleDetection's operator."""
    targets = {
        "anchors": work["anchors"],
        "anchor_masks": work["anchor_masks"],
        "downsample_ratios": work["strides"],
        "iou_thresh": work["model"]["assign_iou"],
    }
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    resize = {"target_size": [work["side"]], "random_size": True, "keep_ratio": False}
    return TrainReader(
        sample_transforms=PUBLISHED_AUGMENTATION if as_it_comes else [{"RandomFlip": {}}],
        batch_transforms=[
            {"BatchRandomResize": {**resize, "random_interp": as_it_comes, "interp": cv2.INTER_LINEAR}},
            {"NormalizeBox": {}},
            {"PadBox": {"num_max_boxes": BOXES_PADDED_TO}},
            {"BboxXYXY2XYWH": {}},
            {"NormalizeImage": {"mean": mean, "std": std, "is_scale": True}},
            {"Permute": {}},
            {"Gt2YoloTarget": targets},
        ],
        batch_size=work["batch_size"],
        num_classes=work["classes"],
        mixup_epoch=EPOCHS if as_it_comes else -1,
        use_shared_memory=as_it_comes,
    )


def train(model: paddle.nn.Layer, loader: TrainReader, optim: dict) -> list[float]:
    """Seconds of each epoch, a step being that of PaddleDetection's Trainer."""
    schedule = [PiecewiseDecay(milestones=[EPOCHS + 1, EPOCHS + 2]), LinearWarmup(start_factor=0.0, steps=20)]
    rate = LearningRate(optim["learning_rate"], schedule)(len(loader))
    build = OptimizerBuilder(
        clip_grad_by_norm=optim["clip_norm"] or None,
        regularizer={"type": "L2", "factor": optim["weight_decay"]},
        optimizer={"type": "Momentum", "momentum": optim["momentum"]},
    )
    optimizer = build(rate, model)
    statistics, times, seconds = TrainingStats(LOG_EVERY), SmoothedValue(LOG_EVERY), []
    for epoch in range(EPOCHS):
        loader.dataset.set_epoch(epoch)
        model.train()
        started = before = time.perf_counter()
        for data in loader:
            data["epoch_id"] = epoch
            outputs = model(data)
            outputs["loss"].backward()
            optimizer.step()
            rate.step()
            optimizer.clear_grad()
            statistics.update(outputs)
            times.update(time.perf_counter() - before)
            before = time.perf_counter()
        seconds.append(time.perf_counter() - started)
    return seconds


def main() -> None:
    """Two epochs; the second counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with work.json")
    parser.add_argument("--as-it-comes", action="store_true", help="PaddleDetection's published reader")
    arguments = parser.parse_args()
    work = json.loads((arguments.work / "work.json").read_text(encoding="utf-8"))
    model = Architecture(work)
    dataset = Pictures(work["pictures"], work["repeat"], decoded=not arguments.as_it_comes)
    loader = reader(work, arguments.as_it_comes)(dataset, 2 if arguments.as_it_comes else 0)
    seconds = train(model, loader, work["optim"])
    found = {
        "items_per_second": len(loader) * work["batch_size"] / seconds[-1],
        "parameters": sum(parameter.size for parameter in model.parameters()),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
