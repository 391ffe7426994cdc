"""Boxes that training crops cut, while there are mosaics and afterwards."""

from dataclasses import replace

import pytest

from tasks.pcb.checks.sizes import check_sizes
from tasks.pcb.checks.source import read_source
from tasks.pcb.synthetic_boards import write_boards
from tests.pcb.checks.board_sets import configuration


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    """Boards of which one has a box that fits into a crop, but not into a quarter of it."""
    folder = tmp_path_factory.mktemp("data")
    write_boards(folder / "boards", number=8, size=128, seed=2)
    first = (folder / "boards/trainval.txt").read_text().split()[1]
    with open(folder / "boards" / first, "a") as text:
        text.write("4 4 120 100 1\n")
    return folder


@pytest.mark.parametrize(
    "until, epochs, expected",
    [
        (0.6, 10, ("note", "box larger than a mosaic's crop")),
        (1.0, 10, ("warning", "box larger than a crop")),
        # Mosaics end with an epoch, and after nine tenths none begins any more.
        (0.95, 10, ("warning", "box larger than a crop")),
        (0.95, 20, ("note", "box larger than a mosaic's crop")),
        (0.0, 10, None),
    ],
)
def test_boxes_too_large_for_crops_are_told_by_the_crops_that_there_are(boards, until, epochs, expected):
    config = configuration("boards", split="hash", augment={"mosaic": {"tiles": 2, "until": until}})
    config = replace(config, train=replace(config.train, epochs=epochs))
    source = read_source(config, boards)
    source = replace(source, splits={"train": source.pictures})
    findings = [(f.severity, f.kind) for f in check_sizes(source, None, None)[1] if "larger" in f.kind]
    assert findings == ([expected] if expected else [])
