"""A run as an inference model of Paddle or as ONNX, with the proof that it finds the same boxes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import numpy as np

from common import runtime
from common.errors import UserError
from common.evaluation.detection import Truth, average_precision
from common.inference.new_folder import new_folder, require_new
from common.inference.running import CONVERTERS, PACKAGES, require_packages
from common.training.run_folder import installed_versions, write_text
from tasks import runs
from tasks.pcb.data import Picture
from tasks.pcb.detect import MOST_DETECTIONS, NMS_IOU, SCORE_THRESHOLD, Detector, shrink, stack_images
from tasks.pcb.exported import CHANNELS, load_detector
from tasks.pcb.pairs import read_shown, stack_pair
from tasks.pcb.source import TrainedRun
from tasks.pcb.synthetic_boards import generate_board

PICTURES = 50
DRAWN_PICTURES = 10
ALLOWED = {"pixels": 0.1, "score": 1e-4, "map_50": 5e-5}
VERSIONS = ("paddlepaddle", "paddlepaddle-gpu", "paddledet", "paddle2onnx", "onnx", "onnxruntime")

# Pixels, uint8 [height, width, 1 or 3], of pairs 2 or 6, with the boxes on them.
Annotated = tuple[np.ndarray, Truth]


def export(
    run: Path,
    format: str,
    output: Path,
    data_root: Optional[Path] = None,
    allowed: Optional[dict[str, float]] = None,
) -> None:
    """Write a folder that predicts like the run: the model and ``export.json``.

    Everything is written beside the folder, which gets its name when the written files have been
    loaded and found to give the run's boxes on pictures of its validation split, or on drawn boards
    where its data are not there.

    Args:
        format: ``paddle`` or ``onnx``.
        output: folder, which must not be there or be empty.
        data_root: where the run's data are; where they usually are if None.
        allowed: differences in ``pixels`` of a box, in its ``score``, and in ``map_50``.

    Raises:
        UserError: the run is not complete, the folder is not empty or cannot be written, a package
            is missing, the data that are named are not there, or something differs by more.
    """
    trained = TrainedRun.find(run)
    require_new(output)
    require_packages(*CONVERTERS[format], *PACKAGES[format])
    pictures, compared = _pictures_to_compare(trained, data_root)
    allowed = ALLOWED if allowed is None else allowed
    with new_folder(output) as partial:
        differences = _fill(partial, trained, format, pictures, compared, allowed)
    for name, found in differences.items():
        shown = ", ".join(f"{of} {difference:.1e}" for of, difference in found.items())
        print(f"{name}: largest differences on {compared['pictures']} {compared['kind']}: {shown}")
    print(f"exported to {output}")


def _pictures_to_compare(
    trained: TrainedRun, data_root: Optional[Path]
) -> tuple[Iterator[Annotated], dict[str, Any]]:
    """Pictures, read as they are asked for, and what is to be said of them."""
    try:
        data = runs.load_data(trained.config, runs.data_root(data_root))
        trained.run.check_data(data.hash())
    except UserError as error:
        if data_root is not None:
            raise
        print(f"compared on drawn boards, since the run's data cannot be read ({error})")
        return _drawn(trained.pairs), {"pictures": DRAWN_PICTURES + 1, "kind": "drawn boards"}
    validation = data.splits["validation"]
    chosen = np.unique(np.linspace(0, len(validation) - 1, min(PICTURES, len(validation))).astype(int))
    read = (_annotated(validation[i], trained) for i in chosen)
    return _and_a_part(read), {"pictures": len(chosen) + 1, "kind": "validation pictures"}


def _annotated(picture: Picture, trained: TrainedRun) -> Annotated:
    template = picture.template if trained.pairs else None
    image = read_shown(picture.path, template, trained.config.data.bits)
    return image, Truth(picture.boxes, picture.labels)


def _drawn(pairs: bool) -> Iterator[Annotated]:
    boards = (generate_board(seed, size=320) for seed in range(DRAWN_PICTURES))
    drawn = ((board.tested[:, :, None], board.template[:, :, None]) for board in boards)
    # Their classes may be others than the run's, so their boxes are not asked for.
    return _and_a_part((stack_pair(*both) if pairs else both[0], _nothing()) for both in drawn)


def _and_a_part(pictures: Iterator[Annotated]) -> Iterator[Annotated]:
    """One more: a part of the last, of another size and shape, which is filled up at both sides."""
    for image, truth in pictures:
        yield image, truth
    yield image[: image.shape[0] * 2 // 3, : image.shape[1] * 2 // 5], _nothing()


def _nothing() -> Truth:
    return Truth(np.zeros((0, 4), np.float32), np.zeros(0, int))


def _fill(
    folder: Path,
    trained: TrainedRun,
    kind: str,
    pictures: Iterator[Annotated],
    compared: dict[str, Any],
    allowed: dict[str, float],
) -> dict[str, dict[str, float]]:
    """Write everything to a folder; return the largest differences from the run, by format."""
    # On a GPU the run itself would be less exact than what is compared with it.
    task = trained.load(device="cpu")
    with runtime.importing_paddle():
        from tasks.pcb.inference_model import save_onnx, save_paddle

    save_paddle(task.model, folder)
    formats = ["paddle"] if kind == "paddle" else ["paddle", "onnx"]
    if kind == "onnx":
        save_onnx(folder)
    shown = (trained.classes, task.detector.stride, task.detector.scale, trained.pairs)
    detectors = {name: load_detector(folder, name, *shown) for name in formats}
    differences = compare(task.detector, detectors, pictures)
    require_agreement(differences, allowed)
    if kind == "onnx":
        for file in folder.glob("model.*"):
            if file.suffix != ".onnx":
                file.unlink()
    compared = {**compared, "allowed": allowed, "largest_difference": differences}
    description = {**_describe(trained, task, kind), "compared": compared}
    description["versions"] = installed_versions(VERSIONS)
    write_text(folder / runs.EXPORT, json.dumps(description, indent=2, ensure_ascii=False) + "\n")
    return differences


def compare(
    run: Detector, exported: dict[str, Detector], pictures: Iterator[Annotated]
) -> dict[str, dict[str, float]]:
    """Largest differences of exported models from the run: ``pixels``, ``score`` and, of boxes, ``map_50``.

    Boxes count, before any is suppressed, where they can become detections, and the most likely of
    each picture in any case.
    """
    names = ["run", *exported]
    largest = {name: {"pixels": 0.0, "score": 0.0} for name in exported}
    truths, found = [], {name: [] for name in names}
    for image, truth in pictures:
        truths.append(truth)
        scaled = shrink(image, run.scale)
        shown, size = stack_images([scaled], run.stride), scaled.shape[:2]
        expected = run.forward(shown)
        found["run"].append(run.chosen(*(values[0] for values in expected), size))
        for name, detector in exported.items():
            given = detector.forward(shown)
            for of, value in zip(("pixels", "score"), _differences(expected, given, shown.shape[2:])):
                # A number that is none stays.
                largest[name][of] = float(np.maximum(largest[name][of], value))
            found[name].append(detector.chosen(*(values[0] for values in given), size))
    if any(len(truth.labels) for truth in truths):
        map_50 = {name: average_precision(truths, found[name], run.classes)["map_50"] for name in names}
        for name in exported:
            largest[name]["map_50"] = abs(map_50[name] - map_50["run"])
    return largest


def _differences(
    expected: tuple[np.ndarray, ...], found: tuple[np.ndarray, ...], size: tuple[int, int]
) -> tuple[float, float]:
    """Largest difference in pixels of likely boxes, and of scores of all.

    Boxes count as far as they lie in the picture, to which detections are clipped; a network that is
    hardly trained has some that are wider than single precision can tell.
    """
    best = np.maximum(expected[1], found[1]).max(axis=2)[0]
    likely = best > SCORE_THRESHOLD
    likely[np.argsort(-best)[:MOST_DETECTIONS]] = True
    first, second = (boxes[0, likely].clip(0, [size[1], size[0]] * 2) for boxes in (expected[0], found[0]))
    return float(np.abs(first - second).max()), float(np.abs(expected[1] - found[1]).max())


def require_agreement(differences: dict[str, dict[str, float]], allowed: dict[str, float]) -> None:
    """Refuse an export that differs from its run.

    Raises:
        UserError: a difference is greater than allowed, or no number.
    """
    for name, found in differences.items():
        for of, difference in found.items():
            if not difference <= allowed[of]:
                raise UserError(
                    f"export: {of} of {name} and run differ by {difference:.1e}, "
                    f"expected at most {allowed[of]:.0e}; nothing was exported"
                )


def _describe(trained: TrainedRun, task: Any, kind: str) -> dict[str, Any]:
    stride = task.detector.stride
    return {
        "task": "pcb",
        "format": kind,
        "input": f"images, float32 [batch, {CHANNELS[trained.pairs]}, height, width], "
        f"{'of the tested picture and then of its template ' if trained.pairs else ''}blue, green, red "
        f"(grey three times) from 0 to 255; sides are multiples of {stride}, filled up with 0 at the right "
        "and at the bottom",
        "model_input": trained.config.model.input,
        "bits": trained.config.data.bits,
        "output": "boxes, float32 [batch, boxes, 4], x1, y1, x2, y2 in pixels of the input, and scores, "
        "float32 [batch, boxes, classes], before non-maximum suppression",
        "classes": list(trained.classes),
        "anchors": task.anchors,
        "strides": list(task.strides),
        "stride": stride,
        "scale": task.detector.scale,
        "training_size": trained.config.augment.crop,
        "threshold": trained.threshold,
        "suppression": {
            "score_threshold": SCORE_THRESHOLD,
            "iou": NMS_IOU,
            "most_detections": MOST_DETECTIONS,
        },
    }
