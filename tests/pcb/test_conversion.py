"""What a conversion tells beside the files that it writes."""

import cv2
import numpy as np

from common.config import build
from tasks.pcb.config import Config
from tasks.pcb.conversion import convert
from tasks.pcb.data import read_data


def splits(data_root, **data) -> dict[str, list[str]]:
    found = read_data(build(Config, {"task": "pcb", "data": data}, "test"), data_root).splits
    return {name: [p.path.stem.removesuffix("_test") for p in several] for name, several in found.items()}


def test_folders_that_are_no_boards_are_told_for_the_layout_of_deeppcb(tmp_path):
    pixels = np.random.default_rng(0)
    for number in range(24):
        file = tmp_path / f"own/day{number % 3}/b{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), pixels.integers(0, 255, (40, 64), np.uint8))
        file.with_suffix(".txt").write_text("0 0.5 0.5 0.25 0.25\n")
    (tmp_path / "own/classes.txt").write_text("scratch\n")
    assert convert(tmp_path / "own", "deeppcb", tmp_path / "new").flags == "--data.split hash"
    assert splits(tmp_path, root="new", split="hash") == splits(tmp_path, root="own")
    assert splits(tmp_path, root="new") != splits(tmp_path, root="own")
    # Nothing is needed elsewhere, or without folders.
    assert convert(tmp_path / "own", "coco", tmp_path / "coco").flags == ""
    assert convert(tmp_path / "own/day0", "deeppcb", tmp_path / "flat", "yolo", ("scratch",)).flags == ""
