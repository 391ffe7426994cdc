"""Sizes of boxes, and whether training crops and anchors fit them."""

from pathlib import Path
from typing import Optional

import numpy as np

from common.evaluation.detection_errors import box_sides
from common.reporting.findings import Finding, Place
from common.reporting.page import HtmlImage, HtmlTable, Section
from common.reporting.size_plots import plot_box_sizes
from tasks.pcb.anchors import training_sizes
from tasks.pcb.augment import has_ended, run_epochs
from tasks.pcb.checks.classes import CLASSES_SHOWN
from tasks.pcb.checks.source import Checked, Source
from tasks.pcb.config import Augment
from tasks.pcb.targets import shape_iou

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
# Of the picture as the network sees it; in a smaller box a convolution of 3 x 3 has little to look at.
FEW_PIXELS = 4
OVERLAPS = (0.25, 0.4, 0.5, 0.6, 0.75)
JUDGED, GOOD = 0.5, 0.95


def check_sizes(
    source: Source, anchors: Optional[np.ndarray], plots: Optional[Path]
) -> tuple[list[Section], list[Finding]]:
    """Quantiles of sizes, a plot, and how well anchors and training crops fit.

    Args:
        anchors: int [9, 2]; None without a box to make them of.
        plots: folder for the plot, if it is to be drawn.
    """
    sections = [_sizes_section(source, anchors, plots)]
    findings = [*_tiny(source), *_too_large(source)]
    if anchors is not None:
        overlaps = best_overlaps(source, anchors)
        sections.append(_anchors_section(anchors, overlaps))
        findings += _badly_fitting(overlaps, source.config.augment)
    return sections, findings


def _sizes_section(source: Source, anchors: Optional[np.ndarray], plots: Optional[Path]) -> Section:
    scale = source.config.data.scale
    by_split = {split: source.boxes(split) for split in source.splits}
    boxes = np.concatenate(list(by_split.values()))
    labels = np.concatenate([source.labels(split) for split in source.splits])
    by_class = [(name, boxes[labels == index]) for index, name in enumerate(source.classes)]
    rows = []
    for name, several in [*by_split.items(), *by_class[:CLASSES_SHOWN]]:
        if len(several):
            quantiles = np.percentile(box_sides(several), PERCENTILES)
            rows.append([name[:30], f"{len(several):,}", *(f"{value:.1f}" for value in quantiles)])
    columns = ["split or class", "boxes", *(f"{p} %" for p in PERCENTILES)]
    said = "Roots of the areas of boxes, in pixels of the pictures as they are."
    if scale < 1:
        said += f" The network sees {scale:g} of each side (data.scale)."
    images = []
    if plots is not None and len(boxes):
        path = plots / "box_sizes.png"
        sizes = {name: (several[:, 2:] - several[:, :2]) * scale for name, several in by_split.items()}
        plot_box_sizes(sizes, anchors, path)
        images.append(HtmlImage(path, "sizes of boxes as the network sees whole pictures, with the anchors"))
    return Section("Sizes of boxes", said, [HtmlTable(columns, rows)], images)


def _tiny(source: Source) -> list[Finding]:
    scale = source.config.data.scale
    places = []
    for picture in source.pictures:
        sides = (picture.boxes[:, 2:] - picture.boxes[:, :2]) * scale
        for index in np.flatnonzero(sides.min(axis=1) < FEW_PIXELS):
            width, height = sides[index]
            places.append(picture.place(picture.used[index], f"{width:.1f} x {height:.1f} pixels"))
    if not places:
        return []
    message = f"{len(places):,} boxes are narrower than {FEW_PIXELS} pixels as the network sees them"
    remedy = (
        "a greater data.scale" if scale < 1 else "see whether they are meant; such defects are hardly found"
    )
    return [Finding("warning", "tiny box", message, remedy, places)]


def _too_large(source: Source) -> list[Finding]:
    """Boxes of which no training crop, or none while there are mosaics, shows enough to keep them."""
    augment, pictures = source.config.augment, source.splits.get("train", [])
    tile, until = -(-augment.crop // augment.mosaic.tiles), augment.mosaic.until
    epochs = run_epochs(source.config, max(1, len(pictures)))
    first, last = (augment.crop if has_ended(until, epoch, epochs) else tile for epoch in (0, epochs - 1))
    never, cut = _dropped(source, pictures, last), _dropped(source, pictures, first)
    late = [place for index, place in cut.items() if index not in never]
    least = f"which drops what it cuts below {augment.min_visible:.0%} (augment.min_visible)"
    found = []
    if never:
        message = f"{len(never):,} training boxes are too large for a crop of {last} pixels, {least}"
        remedy = "a greater augment.crop, fewer augment.mosaic.tiles, or a smaller data.scale"
        found.append(Finding("warning", "box larger than a crop", message, remedy, list(never.values())))
    if late:
        message = f"{len(late):,} training boxes are too large for a mosaic's crop of {first} pixels, {least}"
        message += f"; they are learnt once mosaics end, after {until:.0%} of the run"
        remedy = (
            "nothing if that is enough; else fewer augment.mosaic.tiles or a smaller augment.mosaic.until"
        )
        found.append(Finding("note", "box larger than a mosaic's crop", message, remedy, late))
    return found


def _dropped(source: Source, pictures: list[Checked], side: int) -> dict[tuple[int, int], Place]:
    """The boxes that every crop of ``side`` pixels drops, by picture and box."""
    places = {}
    for number, picture in enumerate(pictures):
        sides = (picture.boxes[:, 2:] - picture.boxes[:, :2]) * source.config.data.scale
        visible = np.minimum(sides, side).prod(axis=1) / sides.prod(axis=1)
        for index in np.flatnonzero(visible < source.config.augment.min_visible):
            width, height = sides[index]
            detail = f"{width:.0f} x {height:.0f} pixels, at most {visible[index]:.0%} in a crop"
            places[number, int(index)] = picture.place(picture.used[index], detail)
    return places


def best_overlaps(source: Source, anchors: np.ndarray) -> dict[str, np.ndarray]:
    """IoU of each box's shape with the anchor that fits best, by split; also as training magnifies them."""
    sizes = {}
    for split in source.splits:
        boxes = source.boxes(split) * source.config.data.scale
        sizes[split] = boxes[:, 2:] - boxes[:, :2]
    seen = {"train, magnified": training_sizes(source.boxes("train"), source.config)}
    return {
        name: shape_iou(several, anchors).max(axis=1)
        for name, several in {**seen, **sizes}.items()
        if len(several)
    }


def _anchors_section(anchors: np.ndarray, overlaps: dict[str, np.ndarray]) -> Section:
    rows = [
        [name, f"{len(found):,}", f"{found.mean():.3f}", *(f"{(found >= t).mean():.1%}" for t in OVERLAPS)]
        for name, found in overlaps.items()
    ]
    listed = ", ".join(f"{width} x {height}" for width, height in anchors)
    said = (
        f"As training makes them of its boxes, magnified as its crops are: {listed}. The share of boxes "
        "with an anchor whose shape has that IoU with theirs, laid on one corner."
    )
    columns = ["boxes of", "number", "mean IoU", *(f"IoU {t}" for t in OVERLAPS)]
    return Section("Anchors", said, tables=[HtmlTable(columns, rows)])


def _badly_fitting(overlaps: dict[str, np.ndarray], augment: Augment) -> list[Finding]:
    found = []
    remedy = "see the plot of sizes: boxes of very different shapes, or other ones than train has"
    if augment.zoom * augment.stretch > 1:
        remedy = f"less augment.zoom or augment.stretch, for which anchors are made; or {remedy}"
    for name, several in overlaps.items():
        share = float((several >= JUDGED).mean())
        if share < GOOD:
            message = (
                f"of {name} only {share:.1%} of the boxes have an anchor whose shape has an IoU of {JUDGED} "
                "with theirs"
            )
            number = int((several < JUDGED).sum())
            found.append(Finding("warning", "anchors do not fit", message, remedy, count=number))
    return found
