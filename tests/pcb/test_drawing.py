"""Boxes drawn into pictures with the names of their classes, in any language that a font has."""

import numpy as np

from tasks.pcb.drawing import draw_boxes, drawable_name, numbered_names

# The last character of all, which belongs to nobody.
UNKNOWN = "\U0010fffd"
EMPTY = np.full((60, 90, 1), 128, np.uint8)


def drawn(*texts: str, box=(20, 30, 70, 50)) -> np.ndarray:
    boxes = np.float32([box] * len(texts))
    return draw_boxes(EMPTY, boxes, range(len(texts)), texts)


def test_letters_beyond_ascii_are_drawn_as_they_are():
    assert (drawn("щ") != drawn("ж")).any() and (drawn("щ") != drawn("?")).any()


def test_a_text_stands_over_its_box_and_under_it_at_the_top_of_the_picture():
    for box, rows in (((20, 30, 70, 50), slice(0, 29)), ((20, 5, 70, 20), slice(21, 60))):
        others = np.ones(60, bool)
        others[rows] = False
        assert (drawn("ш", box=box)[rows] != 128).any()
        assert (drawn("ш", box=box)[others] == drawn("", box=box)[others]).all()


def test_a_text_is_moved_in_from_the_right_edge_and_has_one_line():
    box = (85, 30, 89, 50)
    assert (drawn("дефект", box=box)[:29, :70] != 128).any()
    assert (drawn("две\nстроки", box=box) == drawn("две строки", box=box)).all()


def test_names_that_no_font_has_are_numbers_and_explained():
    classes = ("open", "царапина", UNKNOWN)
    assert [drawable_name(classes, label) for label in range(3)] == ["open", "царапина", "3"]
    assert numbered_names(classes) == f"Classes: 3 {UNKNOWN}." and numbered_names(classes[:2]) == ""
