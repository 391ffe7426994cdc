"""What the report of a PCB run shows beside metrics and curves, from its predictions."""

from dataclasses import dataclass

import numpy as np

from common.evaluation.detection import (
    Detections,
    ScoreCounts,
    Truth,
    count_by_score,
    match_greedily,
    rates_at_threshold,
    select,
)
from common.evaluation.detection_errors import SIZES, confusion_matrix, missed_by_size, size_edges
from common.reporting.box_plots import DrawnBox, Panel, plot_boxes
from common.reporting.page import HtmlImage, HtmlTable, Section
from common.reporting.plots import plot_precision_recall
from common.reporting.tables import show
from common.training.run_folder import RunFolder
from tasks.pcb.data import Data, Picture
from tasks.pcb.drawing import drawable_name, numbered_names
from tasks.pcb.images import read_image
from tasks.pcb.metrics import seen_boards, truths_of
from tasks.pcb.predictions import picture_names, read_predictions, templates_of

PICTURES_SHOWN = 6
FOUND, MISSED, ALARM = "#2ca02c", "#ff7f0e", "#d62728"


@dataclass(frozen=True)
class Evaluated:
    """A split as its predictions file has it.

    Attributes:
        threshold: score from which on a detection counts.
        metrics: what ``metrics.json`` has for the split.
    """

    name: str
    pictures: list[Picture]
    truths: list[Truth]
    found: list[Detections]
    on_templates: list[Detections]
    threshold: float
    metrics: dict[str, float]


def report_sections(run: RunFolder, data: Data, bits: int = 16) -> list[Section]:
    """Sections for every split whose predictions are in the run's folder, training's left out.

    Args:
        bits: that the camera uses of a picture of 16.
    """
    sections = []
    for name in ("validation", "test"):
        metrics = run.metrics().get(name)
        if metrics and run.predictions(name).exists():
            split = read_evaluated(run, data, name, metrics)
            sections += _split_sections(run, data, split, bits)
    return sections


def read_evaluated(run: RunFolder, data: Data, name: str, metrics: dict[str, float]) -> Evaluated:
    """A split with the detections that its metrics were computed from."""
    pictures = data.splits[name]
    templates = templates_of(pictures)
    names = picture_names([*(picture.path for picture in pictures), *templates])
    found = read_predictions(run.predictions(name), names, data.classes)
    number = len(pictures)
    threshold = metrics["threshold"]
    return Evaluated(name, pictures, truths_of(pictures), found[:number], found[number:], threshold, metrics)


def _split_sections(run: RunFolder, data: Data, split: Evaluated, bits: int) -> list[Section]:
    plot = run.path / "plots" / f"precision_recall_{split.name}.png"
    plot_precision_recall(class_curves(split, data.classes), split.threshold, plot)
    kept = f"Detections with a score of at least {split.threshold:.3f}, chosen on validation"
    train = data.splits["train"]
    sections = [
        Section(
            f"Precision and recall, {split.name}",
            f"{kept}; at an IoU of 0.5. Dots are at that score.",
            [class_table(split, data.classes)],
            [HtmlImage(plot, "precision against recall of each class and of all")],
        ),
        Section(
            f"Confusion, {split.name}",
            f"{kept}. A detection that takes no box is background found as a defect.",
            [confusion_table(split, data.classes)],
        ),
        Section(
            f"Missed by size, {split.name}",
            "Thirds of the training boxes by the root of their area, in pixels.",
            [size_table(split, train)],
        ),
    ]
    if any(picture.group for picture in split.pictures):
        sections.append(Section(f"By board group, {split.name}", tables=[board_table(split, train)]))
    return [*sections, *_template_sections(split), *_worst_sections(run, data, split, bits)]


def class_curves(split: Evaluated, classes: tuple[str, ...]) -> dict[str, ScoreCounts]:
    """Counts at every score of all classes together and of each that is annotated."""
    curves = {"all": count_by_score(split.truths, split.found)}
    for index in range(len(classes)):
        truths = [Truth(t.boxes[t.labels == index], t.labels[t.labels == index]) for t in split.truths]
        if any(len(truth.labels) for truth in truths):
            found = [select(d, d.labels == index) for d in split.found]
            name = drawable_name(classes, index)
            # A class may be called all, or as the number that stands for another.
            curves[f"{index + 1} {name}" if name in curves else name] = count_by_score(truths, found)
    return curves


def class_table(split: Evaluated, classes: tuple[str, ...]) -> HtmlTable:
    """A row a class with boxes, detections and rates, and a last one for all."""
    matrix = confusion_matrix(split.truths, split.found, split.threshold, len(classes))
    right, boxes, found = matrix.diagonal()[:-1], matrix.sum(axis=1)[:-1], matrix.sum(axis=0)[:-1]
    named = [
        (name, split.metrics.get(f"ap_50_{name}"), right[i], boxes[i], found[i])
        for i, name in enumerate(classes)
    ]
    named.append(("all", split.metrics["map_50"], right.sum(), boxes.sum(), found.sum()))
    rows = [
        [
            name,
            *map(str, (b, f)),
            show(ap),
            show(float(r / max(f, 1))),
            show(float(r / max(b, 1))),
            show(float(2 * r / max(f + b, 1))),
        ]
        for name, ap, r, b, f in named
    ]
    return HtmlTable(["class", "boxes", "detections", "AP at 0.5", "precision", "recall", "F1"], rows)


def confusion_table(split: Evaluated, classes: tuple[str, ...]) -> HtmlTable:
    """Counts; a row a class that is annotated, a column a class that is found."""
    matrix = confusion_matrix(split.truths, split.found, split.threshold, len(classes))
    rows = [[name, *map(str, row)] for name, row in zip([*classes, "background"], matrix)]
    rows[-1][-1] = "-"
    return HtmlTable(["annotated \\ found", *classes, "missed"], rows)


def size_table(split: Evaluated, train: list[Picture]) -> HtmlTable:
    """A row a size: its limits, boxes, and those that were missed."""
    edges = size_edges(np.concatenate([picture.boxes for picture in train]))
    limits = (f"up to {edges[0]:.1f}", f"up to {edges[1]:.1f}", "more")
    counts = zip(SIZES, limits, *missed_by_size(split.truths, split.found, split.threshold, edges))
    rows = [
        [name, limit, str(boxes), str(missed), show(float(missed / boxes) if boxes else None)]
        for name, limit, missed, boxes in counts
    ]
    return HtmlTable(["size", "pixels", "boxes", "missed", "miss rate"], rows)


def board_table(split: Evaluated, train: list[Picture]) -> HtmlTable:
    """A row a board group, the worst first; those without a box, which have false alarms alone, last."""
    seen = seen_boards(split.pictures, train)
    groups = np.array([picture.group for picture in split.pictures])
    found = []
    for group in np.unique(groups):
        chosen = np.flatnonzero(groups == group)
        truths = [split.truths[i] for i in chosen]
        rates = rates_at_threshold(truths, [split.found[i] for i in chosen], split.threshold)
        boxes = sum(len(truth.labels) for truth in truths)
        shown = [show(rates[name] if boxes else None) for name in ("f1", "miss_rate")]
        shown.append(show(rates["false_alarms_per_image"]))
        known = "seen" if seen[chosen[0]] else "unseen"
        row = [str(group), known, str(len(chosen)), str(boxes), *shown]
        found.append((not boxes, rates["f1"], row))
    columns = ["board group", "in training", "pictures", "boxes", "F1", "miss rate", "false alarms a picture"]
    return HtmlTable(columns, [row for *_, row in sorted(found)])


def _template_sections(split: Evaluated) -> list[Section]:
    if not split.on_templates:
        return []
    alarms = np.array([(d.scores >= split.threshold).sum() for d in split.on_templates])
    text = (
        f"{alarms.sum():,} false alarms on {len(alarms):,} templates without a defect: "
        f"{(alarms > 0).sum():,} have any, and none has more than {alarms.max():,}."
    )
    return [Section(f"Defect-free templates, {split.name}", text)]


@dataclass(frozen=True)
class Errors:
    """What is wrong with the detections of one picture.

    Attributes:
        kept: detections of at least the threshold.
        right: bool [kept], those that take a box.
        missed: int, indices of the boxes that none takes.
    """

    picture: Picture
    truth: Truth
    kept: Detections
    right: np.ndarray
    missed: np.ndarray

    @property
    def number(self) -> int:
        """Missed boxes and false alarms."""
        return len(self.missed) + int((~self.right).sum())


def worst_pictures(split: Evaluated, most: int = PICTURES_SHOWN) -> list[Errors]:
    """The pictures with the most errors, the worst first; none without any."""
    found = []
    for picture, truth, detections in zip(split.pictures, split.truths, split.found):
        kept = select(detections, detections.scores >= split.threshold)
        right, taken = match_greedily(truth, kept)
        missed = np.setdiff1d(np.arange(len(truth.labels)), taken)
        found.append(Errors(picture, truth, kept, right, missed))
    return sorted((e for e in found if e.number), key=lambda errors: -errors.number)[:most]


def _worst_sections(run: RunFolder, data: Data, split: Evaluated, bits: int) -> list[Section]:
    worst = worst_pictures(split)
    if not worst:
        return []
    plot = run.path / "plots" / f"worst_{split.name}.png"
    plot_boxes([_panel(i, errors, data.classes, bits) for i, errors in enumerate(worst, start=1)], plot)
    text = "Green: annotated and found. Orange: missed. Red: false alarm, with its score. "
    text = (text + numbered_names(data.classes)).strip()
    rows = [
        [
            f"{rank} {errors.picture.path.name}",
            errors.picture.group,
            *map(str, (len(errors.truth.labels), len(errors.missed), int((~errors.right).sum()))),
        ]
        for rank, errors in enumerate(worst, start=1)
    ]
    table = HtmlTable(["picture", "board group", "boxes", "missed", "false alarms"], rows)
    image = HtmlImage(plot, "the pictures with the most errors, with their boxes")
    return [Section(f"Worst pictures, {split.name}", text, [table], [image])]


def _panel(rank: int, errors: Errors, classes: tuple[str, ...], bits: int) -> Panel:
    truth, kept, wrong = errors.truth, errors.kept, ~errors.right
    # What is annotated lies on top of what is found.
    boxes = [
        DrawnBox(box, ALARM, f"{drawable_name(classes, label)} {score:.2f}")
        for box, label, score in zip(kept.boxes[wrong], kept.labels[wrong], kept.scores[wrong])
    ]
    boxes += [
        DrawnBox(box, MISSED, drawable_name(classes, label)) if i in errors.missed else DrawnBox(box, FOUND)
        for i, (box, label) in enumerate(zip(truth.boxes, truth.labels))
    ]
    title = f"{rank}: {len(errors.missed)} of {len(truth.labels)} missed, {wrong.sum()} false alarms"
    return Panel(title, read_image(errors.picture.path, bits)[:, :, ::-1], boxes)
