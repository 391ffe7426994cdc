"""What a synthetic board promises: defects that are what their labels say, in DeepPCB's files."""

import cv2
import numpy as np
import pytest

from tasks.pcb.synthetic_boards import BARE, CLASSES, COPPER, Board, generate_board, write_boards

SEEDS = range(20)
SIZES = {256: 8, 320: 8, 640: 4}
EFFECTS = {
    "short": {(-1, 0), (-1, 1), (-1, 2)},
    "mousebite": {(0, 0)},
    "spur": {(0, 0)},
    "copper": {(1, 0)},
    "pinhole": {(0, 1)},
}


@pytest.fixture(scope="module")
def boards() -> list[Board]:
    sizes = [size for size, count in SIZES.items() for _ in range(count)]
    return [generate_board(s, size, edge_noise=False) for s, size in zip(SEEDS, sizes)]


def count_pieces(mask: np.ndarray, connectivity: int) -> int:
    # OpenCV 4.5.5's default algorithm for connectivity 4 crashes on many small masks.
    counted = cv2.connectedComponentsWithAlgorithm(
        mask.astype(np.uint8), connectivity, cv2.CV_32S, cv2.CCL_WU
    )
    return counted[0] - 1


def corners(box: np.ndarray) -> tuple[slice, slice]:
    x1, y1, x2, y2 = box.astype(int)
    return slice(y1, y2), slice(x1, x2)


def single_defects(boards: list[Board], name: str):
    """Yield (template, the template with one defect of the class) as masks of copper."""
    for board in boards:
        for box, label in zip(board.boxes, board.labels):
            if CLASSES[label] == name:
                single = board.template.copy()
                single[corners(box)] = board.tested[corners(box)]
                yield board.template == COPPER, single == COPPER


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = np.prod(np.maximum(sides, 0))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def test_classes_stand_in_deeppcb_order():
    assert CLASSES == ("open", "short", "mousebite", "spur", "copper", "pinhole")


def test_board_has_the_stated_shapes_and_types(boards):
    for board in boards:
        assert board.tested.shape == board.template.shape
        assert board.tested.dtype == board.template.dtype == np.uint8
        assert set(np.unique(board.template)) == {COPPER, BARE}
        assert set(np.unique(board.tested)) == {COPPER, BARE}
        assert board.boxes.dtype == np.float32 and board.boxes.shape == (len(board.labels), 4)
        assert board.labels.dtype == np.int64
        assert set(board.labels) <= set(range(len(CLASSES)))


@pytest.mark.parametrize("edge_noise", [False, True])
def test_seed_decides_the_board(edge_noise):
    first, again, other = (generate_board(s, 256, edge_noise=edge_noise) for s in (5, 5, 6))
    for field in ("tested", "template", "boxes", "labels"):
        assert np.array_equal(getattr(first, field), getattr(again, field))
    assert not np.array_equal(first.template, other.template)
    assert not np.array_equal(first.tested, other.tested)


def test_every_changed_pixel_lies_in_a_box_and_every_box_holds_some(boards):
    for board in boards:
        changed = board.tested != board.template
        for box in board.boxes:
            assert changed[corners(box)].sum() >= 20
        for box in board.boxes:
            changed[corners(box)] = False
        assert not changed.any()


def test_boxes_surround_their_changes_by_a_few_pixels(boards):
    for board in boards:
        size = len(board.tested)
        for box in board.boxes:
            changed = (board.tested != board.template)[corners(box)]
            ys, xs = np.nonzero(changed)
            x1, y1, x2, y2 = box
            margins = [
                (xs.min(), x1 == 0),
                (ys.min(), y1 == 0),
                (x2 - x1 - 1 - xs.max(), x2 == size),
                (y2 - y1 - 1 - ys.max(), y2 == size),
            ]
            assert all(margin <= 12 for margin, _ in margins)
            assert all(margin >= 4 or at_border for margin, at_border in margins)


def test_boxes_are_whole_pixels_of_the_picture_about_deeppcb_size(boards):
    boxes = np.concatenate([board.boxes for board in boards])
    sizes = np.concatenate([np.full(len(board.boxes), len(board.tested)) for board in boards])
    assert np.array_equal(boxes, np.round(boxes))
    assert (boxes >= 0).all() and (boxes[:, 2:] <= sizes[:, None]).all()
    sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1))
    assert 28 <= np.median(sides) <= 38
    assert sides.min() >= 18 and sides.max() <= 60


def test_boxes_hardly_overlap(boards):
    for board in boards:
        for index, box in enumerate(board.boxes):
            assert all(overlap(box, other) <= 0.1 for other in board.boxes[:index])


@pytest.mark.parametrize("name", ["short", "mousebite", "spur", "copper", "pinhole"])
def test_defect_changes_pieces_of_copper_and_bare_board_as_its_class_says(boards, name):
    seen = 0
    for template, single in single_defects(boards, name):
        copper = count_pieces(single, 8) - count_pieces(template, 8)
        bare = count_pieces(~single, 4) - count_pieces(~template, 4)
        assert (copper, bare) in EFFECTS[name]
        seen += 1
    assert seen >= 5


def test_open_cuts_a_single_net_in_two(boards):
    seen = 0
    for template, single in single_defects(boards, "open"):
        assert count_pieces(single, 8) == count_pieces(template, 8) + 1
        _, nets = cv2.connectedComponents(template.astype(np.uint8))
        assert len(np.unique(nets[template & ~single])) == 1
        seen += 1
    assert seen >= 5


@pytest.mark.parametrize(
    "name, adds",
    [
        ("open", False),
        ("short", True),
        ("mousebite", False),
        ("spur", True),
        ("copper", True),
        ("pinhole", False),
    ],
)
def test_defect_only_adds_or_only_removes_copper(boards, name, adds):
    for template, single in single_defects(boards, name):
        gained, lost = (single & ~template).any(), (template & ~single).any()
        assert (gained, lost) == (adds, not adds)


def test_classes_are_balanced_over_many_boards():
    labels = np.concatenate([generate_board(s, 256, edge_noise=False).labels for s in range(120)])
    shares = np.bincount(labels, minlength=len(CLASSES)) / len(labels)
    assert shares.min() > 0.12 and shares.max() < 0.21


def test_defect_counts_follow_the_range_where_there_is_room(boards):
    assert all(3 <= len(board.labels) <= 8 for board in boards)
    assert len({len(board.labels) for board in boards}) > 2
    assert len(generate_board(1, 320, defects=(5, 5)).labels) == 5
    bare = generate_board(1, 256, defects=(0, 0), edge_noise=False)
    assert bare.boxes.shape == (0, 4) and np.array_equal(bare.tested, bare.template)


def test_crowded_picture_holds_as_many_defects_as_fit():
    board = generate_board(2, 128, defects=(60, 60), edge_noise=False)
    assert 0 < len(board.labels) < 60


@pytest.mark.parametrize("seed", range(4))
def test_edge_noise_stays_within_a_pixel_of_the_edges(seed):
    clean = generate_board(seed, 320, edge_noise=False)
    noisy = generate_board(seed, 320, edge_noise=True)
    assert np.array_equal(clean.boxes, noisy.boxes)
    for before, after in ((clean.template, noisy.template), (clean.tested, noisy.tested)):
        edges = cv2.morphologyEx(before, cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
        assert (before != after).any()
        assert not (before != after)[~edges].any()
    outside = noisy.tested != noisy.template
    for box in noisy.boxes:
        outside[corners(box)] = False
    assert 0 < outside.mean() < 0.03


@pytest.mark.parametrize("size, defects", [(95, (3, 8)), (256, (4, 3)), (256, (-1, 3))])
def test_arguments_out_of_range_are_refused(size, defects):
    with pytest.raises(ValueError):
        generate_board(0, size, defects)


def read_list(folder, name):
    return [line.split() for line in (folder / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boards") / "PCBData"
    write_boards(folder, 40, size=256, seed=3)
    return folder


def test_written_lists_split_the_boards_by_group(written):
    trainval, test = (read_list(written, name) for name in ("trainval.txt", "test.txt"))
    groups = {"trainval": [p.split("/")[1] for p, _ in trainval]}
    groups["test"] = [p.split("/")[1] for p, _ in test]
    assert groups["trainval"].count("92000") == 6
    assert len(trainval) == 30 and len(test) == 10
    assert len({tuple(line) for line in trainval + test}) == 40
    training = set(groups["trainval"]) - {"92000"}
    assert sum(group in training for group in groups["test"]) == 5
    unseen = {group for group in groups["test"] if group not in training}
    assert len(unseen) == 1 and unseen != {"92000"}


def test_written_files_read_as_deeppcb(written):
    for picture, annotation in read_list(written, "trainval.txt") + read_list(written, "test.txt"):
        group = picture.split("/")[1]
        name = picture.split("/")[2][: -len(".jpg")]
        assert picture == f"group{group}/{group}/{name}.jpg"
        assert annotation == f"group{group}/{group}_not/{name}.txt"
        assert name.startswith(group)
        for suffix in ("test", "temp"):
            path = written / f"group{group}" / group / f"{name}_{suffix}.jpg"
            assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (256, 256)
        rows = np.loadtxt(written / annotation, dtype=int, ndmin=2)
        assert rows.shape[1] == 5
        assert rows[:, 4].min() >= 1 and rows[:, 4].max() <= 6
    pictures = sum(1 for _ in written.rglob("*_test.jpg"))
    assert pictures == 40


def test_written_boxes_hold_what_differs_from_the_template(written):
    for picture, annotation in read_list(written, "test.txt"):
        stem = str(written / picture)[: -len(".jpg")]
        tested, template = (cv2.imread(f"{stem}_{s}.jpg", 0) > 127 for s in ("test", "temp"))
        # An opening leaves out the edge noise, in which the two pictures differ everywhere.
        changed = cv2.morphologyEx((tested != template).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
        for row in np.loadtxt(written / annotation, dtype=int, ndmin=2):
            changed[corners(row[:4])] = 0
        assert not changed.any()


def test_boards_of_different_groups_and_numbers_differ(written):
    pictures = [path.read_bytes() for path in written.rglob("*_temp.jpg")]
    assert len(set(pictures)) == len(pictures)


def test_writing_again_gives_the_same_files(written, tmp_path):
    write_boards(tmp_path / "again", 40, size=256, seed=3)
    for path in written.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(written)).read_bytes()


def test_folder_that_holds_anything_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        write_boards(tmp_path, 8, size=128)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_empty_folder_is_accepted(tmp_path):
    write_boards(tmp_path, 4, size=128)
    assert len(read_list(tmp_path, "trainval.txt")) == 3


@pytest.mark.parametrize(
    "arguments", [{"size": 95}, {"seed": -1}, {"validation_share": 0.5, "test_share": 0.5}, {"number": 0}]
)
def test_what_cannot_be_drawn_is_refused_and_no_folder_is_made(tmp_path, arguments):
    with pytest.raises(ValueError):
        write_boards(tmp_path / "boards", **{"number": 4, "size": 128, **arguments})
    assert not (tmp_path / "boards").exists()
