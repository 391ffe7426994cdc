"""What training really sees: views of its dataset, their boxes read back from the target tensors."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.regularization.mixup import BoxSample
from common.reporting.box_plots import DrawnBox, Panel, plot_boxes
from common.reporting.findings import Finding
from common.reporting.page import HtmlImage, HtmlTable, Section
from common.seeding import generator
from tasks.pcb.checks.assignment import Positives, decode_targets, distinct, owners
from tasks.pcb.checks.sheets import colour_of
from tasks.pcb.config import Config
from tasks.pcb.data import read_data
from tasks.pcb.drawing import drawable_name, numbered_names
from tasks.pcb.task import Task

VIEWS_COUNTED, VIEWS_DRAWN = 48, 9
# Of the boxes of a training view.
MANY = 0.02
LOST, WRONG = "#ff7f0e", "#ff0000"
# Classes have colours much like these.
NO_TARGET, NO_BOX = "no target", "no box"


@dataclass(frozen=True)
class View:
    """A sample of the training dataset; weights are those of MixUp, without those of classes.

    Attributes:
        positives: what its targets ask for.
        owner: int, index of the box that each positive stands for, -1 where it is none of them.
        lost: int, indices of the boxes that no positive stands for.
    """

    sample: BoxSample
    positives: Positives
    owner: np.ndarray
    lost: np.ndarray


def check_views(config: Config, data_root: Path, plots: Path) -> tuple[list[Section], list[Finding]]:
    """Draw views of the first and of the last epoch, and count the boxes that their targets lack.

    Args:
        plots: folder for the pictures.

    Returns:
        A section, empty of pictures where training refuses the data, and what is wrong with the targets.
    """
    try:
        data = read_data(config, data_root)
    except UserError as error:
        return [Section("Training views", f"Training refuses the data: {error}")], []
    with tempfile.TemporaryDirectory() as assets:
        task = Task(config, data, Path(assets))
    last = task.dataset(0).augmenter.epochs - 1
    rows, images, views = [], [], []
    for epoch in sorted({0, last}):
        seen = draw_views(task, epoch, VIEWS_COUNTED)
        path = plots / f"training_views_epoch_{epoch + 1}.png"
        plot_boxes([view_panel(view, data.classes) for view in seen[:VIEWS_DRAWN]], path)
        images.append(HtmlImage(path, f"training views of epoch {epoch + 1}, boxes read back from targets"))
        rows.append(_row(epoch, seen))
        views += seen
    text = (
        "Boxes are read back from the target tensors, with the number of cells and anchors that learn them "
        "and, below 1, the weight of MixUp, in the colour of their class. "
        f"Marked {NO_TARGET!r}: a box of the view that no target stands for. "
        f"Marked {NO_BOX!r}: a target that stands for no box of the view."
    )
    columns = ["epoch", "views", "boxes", "targets a box", "boxes without", "targets without", "mixed views"]
    text = f"{text} {numbered_names(data.classes)}".strip()
    return [Section("Training views", text, [HtmlTable(columns, rows)], images)], _findings(views)


def draw_views(task: Task, epoch: int, number: int) -> list[View]:
    """Some samples of the training dataset of an epoch, chosen by chance, with their targets read back."""
    dataset = task.dataset(epoch)
    chosen = generator(0, "training views", epoch).permutation(len(dataset))[:number]
    anchors = np.array(task.anchors, np.float32)
    views = []
    for index in chosen:
        sample, targets = dataset[int(index)]
        positives = decode_targets(targets, anchors, task.strides)
        sample, positives = (
            replace(seen, weights=_shares(seen.weights, seen.labels, task)) for seen in (sample, positives)
        )
        owner = owners(positives, sample.boxes, sample.labels)
        views.append(View(sample, positives, owner, np.setdiff1d(np.arange(len(sample.boxes)), owner)))
    return views


def _shares(weights: np.ndarray, labels: np.ndarray, task: Task) -> np.ndarray:
    """What is left of the weights of boxes without that of their class; exactly 1 in unmixed views."""
    of_classes = task.class_weights[labels].astype(np.float32)
    return np.where(weights == of_classes, np.float32(1), weights / of_classes)


def _row(epoch: int, views: list[View]) -> list[str]:
    boxes = sum(len(view.sample.boxes) for view in views)
    targets = sum(len(view.owner) for view in views)
    wrong = sum(int((view.owner < 0).sum()) for view in views)
    lost = sum(len(view.lost) for view in views)
    mixed = sum(bool((view.sample.weights < 1).any()) for view in views)
    each = f"{targets / boxes:.1f}" if boxes else "-"
    return [str(epoch + 1), f"{len(views):,}", f"{boxes:,}", each, *(f"{n:,}" for n in (lost, wrong, mixed))]


def _findings(views: list[View]) -> list[Finding]:
    boxes = sum(len(view.sample.boxes) for view in views)
    lost = sum(len(view.lost) for view in views)
    wrong = sum(int((view.owner < 0).sum()) for view in views)
    found = []
    if wrong:
        message = f"{wrong:,} targets of {len(views):,} training views stand for none of their boxes"
        remedy = "this is a defect of the program, or of a change to it; see the training views"
        found.append(Finding("error", "target without box", message, remedy, count=wrong))
    if lost:
        severity = "warning" if lost > MANY * boxes else "note"
        message = f"{lost:,} of {boxes:,} boxes of {len(views):,} training views get no target"
        remedy = "fewer augment.mosaic.tiles, less augment.mixup, or model.neighbour_cells"
        found.append(Finding(severity, "box of a view without target", message, remedy, count=lost))
    return found


def view_panel(view: View, classes: tuple[str, ...]) -> Panel:
    """A view with the boxes of its targets, and the two kinds of mistake marked."""
    boxes = []
    for indices in distinct(view.positives):
        first = indices[0]
        label, weight = int(view.positives.labels[first]), float(view.positives.weights[first])
        share = f" {weight:.2f}" if weight < 1 else ""
        wrong = view.owner[first] < 0
        text = f"{f'{NO_BOX}: ' if wrong else ''}{drawable_name(classes, label)} x{len(indices)}{share}"
        boxes.append(DrawnBox(view.positives.boxes[first], WRONG if wrong else colour_of(label), text))
    boxes += [DrawnBox(view.sample.boxes[index], LOST, NO_TARGET) for index in view.lost]
    title = f"{len(view.sample.boxes)} boxes, {len(view.owner)} targets, {len(view.lost)} boxes without"
    return Panel(title, _shown(view.sample.image), boxes)


def _shown(image: np.ndarray) -> np.ndarray:
    """The picture as a plot takes it; of other numbers of channels than 1 and 3 the first."""
    channels = image.shape[2] if image.shape[2] == 3 else 1
    return np.rint(image[:, :, :channels][:, :, ::-1]).clip(0, 255).astype(np.uint8)
