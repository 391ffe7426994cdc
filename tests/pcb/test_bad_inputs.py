"""Bad inputs, folders in ``bad_inputs/`` with one flaw each and wrong settings, and the line that answers.

In a line ``{folder}`` is the folder, ``{inputs}`` that of them all. All rows run in one process, some as
commands too.
"""

from pathlib import Path

import pytest

from tasks.pcb.data import read_data
from tasks.runs import load_config
from tests.conftest import ROOT
from tests.sentiment.commands import FINISHED, answers_of

INPUTS = Path("tests/pcb/bad_inputs")

# train.py --data.root FOLDER
FOLDERS = {
    "coco_annotations_object": "{folder}/boxes.json: annotations: found dict, expected a list",
    "coco_categories_differ": "{folder}/train.json: found category 1 'scratch', expected 'dent' as "
    "in the other files",
    "coco_category_twice": "{folder}/boxes.json: found the class 'scratch' twice, expected each once",
    "coco_image_twice": "{folder}/boxes.json: images[1]: id: found 1 twice, expected different ones",
    "coco_infinite": "{folder}/boxes.json: annotations[0]: bbox: found [10, 8, 4, Infinity], "
    "expected left, top, width and height",
    "coco_no_categories": "{folder}/boxes.json: categories: found nothing, expected a list",
    "coco_no_file": "{folder}/boxes.json: images[0]: file_name: no such picture b.png below {folder}",
    "coco_no_width": "{folder}/boxes.json: annotations[0]: found box 10 8 0 22, expected a width "
    "and a height above 0",
    "coco_not_json": "{folder}/boxes.json: is not JSON: Expecting ',' delimiter: line 1 column 201 "
    "(char 200)",
    "coco_other_size": "{folder}/boxes.json: images[0]: found width 640 and height 400, expected "
    "64 and 40 as the picture has",
    "coco_outside": "{folder}/boxes.json: annotations[0]: found box 10 8 4 33, expected it inside "
    "the 64 x 40 picture",
    "coco_picture_twice": "{folder}/boxes.json: images[1]: file_name: found a.png, the picture of images[0] "
    "too, expected all boxes of a picture at one of images",
    "coco_three_numbers": "{folder}/boxes.json: annotations[0]: bbox: found [10, 8, 4], expected "
    "left, top, width and height",
    "coco_tiny": "{folder}/boxes.json: annotations[0]: found box 10 8 1e-06 22, expected a width "
    "and a height of at least 0.01 pixels",
    "coco_two_files": "{folder}: found the files boxes.json, more.json, expected one of each split "
    "(see data.root)",
    "coco_unknown_category": "{folder}/boxes.json: annotations[0]: category_id: found 3, expected one of 1",
    "coco_unknown_image": "{folder}/boxes.json: annotations[0]: image_id: found 5, expected the id "
    "of a picture",
    "deeppcb_class_zero": "{folder}/lot_not/a.txt: line 1: found class 0, expected 1 to 1",
    "deeppcb_four_numbers": "{folder}/lot_not/a.txt: line 1: found '10 8 14 30', expected five "
    "whole numbers x1 y1 x2 y2 class",
    "deeppcb_fraction": "{folder}/lot_not/a.txt: line 1: found '10 8 14.5 30 1', expected five "
    "whole numbers x1 y1 x2 y2 class",
    "deeppcb_no_annotation": "{folder}/trainval.txt: line 1: no such annotation {folder}/lot_not/a.txt",
    "deeppcb_no_classes": "{folder}: found numbers of classes but no names, expected classes.txt, "
    "class 1 in its first line, or data.classes",
    "deeppcb_no_picture": "{folder}/trainval.txt: line 1: no such picture {folder}/lot/a_test.png",
    "deeppcb_one_name": "{folder}/trainval.txt: line 1: found 'lot/a.png', expected a picture and "
    "an annotation",
    "deeppcb_outside": "{folder}/lot_not/a.txt: line 1: found box 10 8 14 41, expected it inside "
    "the 64 x 40 picture",
    "deeppcb_zero_size": "{folder}/lot_not/a.txt: line 1: found box 10 8 10 30, expected a width "
    "and a height above 0",
    "nothing": "{folder}: found no data set, expected one of DeepPCB (trainval.txt), Pascal VOC "
    "(.xml), COCO (.json), YOLO (data.yaml or classes.txt)",
    "picture_cut": "{folder}/lot/a_test.png: found 70 bytes that are no whole picture: image file "
    "is truncated",
    "picture_empty": "{folder}/lot/a_test.png: found 0 bytes that are no whole picture",
    "picture_floats": "{folder}/a.tif: found pixels of float32, expected 8 or 16 bits",
    "picture_no_picture": "{folder}/lot/a_test.png: found 10 bytes that are no whole picture",
    "two_formats": "{folder}: found Pascal VOC (.xml) and COCO (.json), expected one of them in data.format",
    "voc_cut": "{folder}/a.xml: line 3: is not XML: no element found",
    "voc_doctype": "{folder}/a.xml: line 2: found a document type (DOCTYPE), expected XML without one",
    "voc_empty": "{folder}/a.xml: found an empty file, expected <annotation>, without <object> if "
    "there is no defect",
    "voc_encoding": "{folder}/a.xml: found bytes that are not gb2312, expected it as declared",
    "voc_external": "{folder}/a.xml: line 1: found a document type (DOCTYPE), expected XML without one",
    "voc_from_zero": "{folder}/a.xml: object 1: found box 0 9 14 30, expected it inside the 64 x 40 picture",
    "voc_image_set": "{folder}/ImageSets/Main/train.txt: line 2: found 'b', expected a picture "
    "below {folder}",
    "voc_nan_corner": "{folder}/a.xml: object 1: ymin: found 'nan', expected a number",
    "voc_no_corner": "{folder}/a.xml: object 2: xmax: found nothing, expected a number",
    "voc_no_name": "{folder}/a.xml: object 2: found no <name>, expected a class",
    "voc_no_object": "{folder}: found no class, expected at least one name",
    "voc_no_picture": "{folder}/Annotations/a.xml: found no picture of this annotation, expected "
    "JPEGImages/a with one of .bmp, .jpeg, .jpg, .png, .tif, .tiff, .webp",
    "voc_not_xml": "{folder}/a.xml: line 1: is not XML: mismatched tag",
    "voc_other_root": "{folder}/a.xml: found <svg>, expected <annotation>",
    "voc_one_stem": "{folder}/a.png: found a.xml and also a.bmp, expected pictures that differ in "
    "more than the suffix",
    "voc_outside": "{folder}/a.xml: object 1: found box 11 9 65 30, expected it inside the 64 x 40 picture",
    "voc_text_corner": "{folder}/a.xml: object 1: ymin: found 'top', expected a number",
    "voc_two_boxes": "{folder}/a.xml: object 1: found 2 <bndbox>, expected one in each <object>",
    "voc_turned_box": "{folder}/a.xml: object 1: found box 20 9 14 30, expected a width and a height above 0",
    "voc_turned_size": "{folder}/a.xml: size: found 40 x 64, expected 64 x 40 as the picture is",
    "voc_unannotated": "{folder}/b.png: found no annotation of this and 0 other pictures, expected "
    "one, empty if there is no defect (see {unannotated})",
    "yolo_classes_empty": "{folder}/classes.txt: found no class, expected at least one name",
    "yolo_count": "{folder}/data.yaml: nc: found 2, expected 1, as many as names",
    "yolo_list": "{folder}/train.txt: line 2: no such picture {folder}/images/b.png",
    "yolo_names_gap": "{folder}/data.yaml: names: found the keys [0, 2], expected 0, 1, 2 and so on",
    "yolo_names_number": "{folder}/data.yaml: names: found int, expected names of classes",
    "yolo_names_number_like": "{folder}/data.yaml: names: found 1000.0, which YAML does not read as text, "
    "expected names of classes, in quotes where needed",
    "yolo_names_twice": "{folder}/data.yaml: names: found the class 'scratch' twice, expected each once",
    "yolo_no_folder": "{folder}/data.yaml: train: no such folder or list {folder}/images/train",
    "yolo_no_height": "{folder}/labels/a.txt: line 1: found box 0.5 0.5 0.1 0, expected a width "
    "and a height above 0",
    "yolo_not_utf8": "{folder}/labels/a.txt: line 1: found bytes that are not UTF-8, expected UTF-8",
    "yolo_not_yaml": "{folder}/data.yaml: line 2 is not YAML: expected ',' or ']', but got '<stream end>'",
    "yolo_one_stem": "{folder}/images/a.png: found a.txt and also a.bmp, expected pictures that differ "
    "in more than the suffix",
    "yolo_outside": "{folder}/labels/a.txt: line 1: found box 0.99 0.5 0.1 0.1, expected it inside "
    "the 64 x 40 picture",
    "yolo_pixels": "{folder}/labels/a.txt: line 1: found '0 12 19 4 22', expected shares of the "
    "picture, 0 to 1",
    "yolo_polygon": "{folder}/labels/a.txt: line 1: found '0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2', "
    "expected five numbers: class, centre x, centre y, width, height",
    "yolo_text": "{folder}/labels/a.txt: line 1: found 'scratch 0.5 0.5 0.1 0.1', expected five "
    "numbers: class, centre x, centre y, width, height",
    "yolo_unknown_class": "{folder}/labels/a.txt: line 2: found class 3, expected 0 to 0",
}

# train.py on the good folder
SETTINGS = {
    "--data.group 0": "data.group: found level 0, but b1/b1_0.png stands in 1 folders, expected 1 "
    "for the first, -1 for the last",
    "--data.group 3": "data.group: found level 3, but b1/b1_0.png stands in 1 folders, expected 1 "
    "for the first, -1 for the last",
    "--data.group (b": "data.group: found '(b', expected a regular expression: missing ), "
    "unterminated subpattern at position 0",
    "--data.group b(x)": "data.group: found no match of 'b(x)' in b1/b1_0.png",
    "--data.group (b)(1)": "data.group: found 2 groups in '(b)(1)', expected one pair of "
    "parentheses around the board",
    "--data.group board": "data.group: found no 'board' at b1/b1_0.png, expected a column of "
    "data.group_table or of COCO's images, or a regular expression with (...)",
    "--data.group lot --data.group_table boards.csv": "{inputs}/good/boards.csv: data.group: found "
    "no column 'lot', expected one of picture, board",
    "--data.group board --data.group_table boards.csv": "{inputs}/good/boards.csv: found no row of "
    "b4/b4_2.png, expected it in the column 'picture'",
    "--data.group board --data.group_table boards_short.csv": "{inputs}/good/boards_short.csv: "
    "line 2: found 1 fields, expected 2",
    "--data.group_table boards.csv": "command line: data.group_table: found a table, but no "
    "data.group that names its column",
    "--data.validation_group b9": "data.validation_group: found b9, expected one of b1, b2, b4",
    "--data.group null --data.validation_group b1": "data.validation_group: found b1, expected one "
    "of a data.group",
    "--data.group null --data.split group": "data.split: found group, but no data.group that tells "
    "the boards apart",
    "--data.group null --data.test_share 0.001": "{inputs}/good: found 12 pictures, too few to "
    "split off test (data.test_share, data.test_list) and to train on the rest",
    "--data.split list": "{inputs}/good: data.split: found no lists of splits, expected some, or "
    "data.test_list",
    "--data.test_list list_unknown.txt": "{inputs}/good/list_unknown.txt: line 2: found 'b9_0', "
    "expected a picture of the data set",
    "--data.test_list list_test.txt --data.validation_list list_again.txt": "{inputs}/good/list_test.txt: "
    "line 2: found 'b1_1', which also stands in list_again.txt line 2",
    "--data.test_list list_empty.txt": "{inputs}/good/list_empty.txt: found no picture, expected one a line",
    "--data.test_list list_missing.txt": "{inputs}/good/list_missing.txt: no such file",
    "--data.test_list list_test.txt --data.test_group b1": "data.test_group: found b1, but the "
    "data list their test pictures",
    "--data.test_list list_test.txt --data.split hash": "command line: data.split: found hash, "
    "expected list, since there are lists",
    "--data.format coco": "{inputs}/good: found no JSON file with images and categories, expected COCO's",
    "--data.format pascal": "command line: data.format: found \"pascal\", expected 'auto', "
    "'deeppcb', 'voc', 'coco' or 'yolo'",
    "--data.classes [dent]": "{inputs}/good/Annotations/b1/b1_0.xml: object 1: found the class "
    "'scratch', expected one of dent",
    "--data.classes []": "command line: data.classes: found [], expected at least one name, each once",
    "--data.test_share 0.9": "command line: data.test_share, data.validation_share: found 1.05 "
    "together, expected less than 1",
    "--data.train_size 50": "data.train_size: found 50, expected at most 6, all of {inputs}/good",
    "--data.templates golden": "data.templates: found no {inputs}/good/golden, expected a folder, a "
    "picture, or a name with * such as *_temp",
    "--model.input pair": "{inputs}/good/JPEGImages/b1/b1_0.png: found no template of this and 11 other "
    "pictures, which model.input pair needs; expected a_temp.jpg beside a_test.jpg, the folder templates, or "
    "data.templates",
    "--model.input both": "command line: model.input: found \"both\", expected 'tested', 'pair' or "
    "'difference'",
    "--augment.template_shift 2": "command line: augment.template_shift: found 2, but model.input is "
    "tested, without template",
    "--data.bits 8": "command line: data.bits: found 8, expected at least 9",
    "--data.root missing": "{inputs}/missing: no such folder, expected pictures with boxes (see "
    "data.root, --data-root)",
    "--data.group true": "command line: data.group: found true, expected a whole number or a text",
}

# convert_boxes.py FOLDER --to coco
CONVERTED = (
    "coco_two_files",
    "deeppcb_class_zero",
    "nothing",
    "picture_cut",
    "voc_doctype",
    "voc_unannotated",
    "yolo_unknown_class",
)

ROWS = [
    *(("train", name) for name in FOLDERS),
    *(("settings", name) for name in SETTINGS),
    *(("convert", name) for name in CONVERTED),
]
# Started as commands too.
REAL = [
    ("train", "voc_doctype"),
    ("train", "coco_not_json"),
    ("train", "picture_cut"),
    ("settings", "--data.group board"),
    ("convert", "yolo_unknown_class"),
]


def command_of(kind: str, name: str, folder: Path) -> list[str]:
    """Script and arguments that give a row of the tables to a command."""
    output = str(folder / kind / name)
    if kind == "convert":
        return ["convert_boxes.py", str(INPUTS / name), "--to", "coco", "--output", output]
    flags = name.split(" ") if kind == "settings" else ["--data.root", name]
    good = ["--config", str(INPUTS / "good.yaml"), "--data-root", str(INPUTS)]
    return ["train.py", *good, *flags, "--run-dir", output]


def check_answer(answer: dict, kind: str, name: str, folder: Path) -> None:
    """That nothing but one line is said, that it is the right one, and that nothing looks finished."""
    line = SETTINGS[name] if kind == "settings" else FOLDERS[name]
    line = line.replace("{folder}", str(INPUTS / name)).replace("{inputs}", str(INPUTS))
    line = line.replace("{unannotated}", "--unannotated" if kind == "convert" else "data.unannotated")
    assert answer["code"] == 2, answer["stderr"]
    assert answer["stdout"] == ""
    assert answer["stderr"] == f"error: {line}\n"
    output = folder / kind / name
    assert not FINISHED & {file.name for file in output.rglob("*")}
    assert kind != "convert" or not output.exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bad")


@pytest.fixture(scope="module")
def answers(folder) -> dict:
    """What each row is answered, one after another in one process."""
    return dict(zip(ROWS, answers_of([command_of(*row, folder) for row in ROWS])))


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_a_bad_input_is_one_line_and_leaves_nothing_that_looks_finished(kind, name, folder, answers):
    check_answer(answers[kind, name], kind, name, folder)
    assert not answers[kind, name]["paddle"]


@pytest.mark.parametrize(("kind", "name"), REAL)
def test_a_command_answers_the_same(kind, name, folder, command):
    done = command(*command_of(kind, name, folder))
    answer = {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
    check_answer(answer, kind, name, folder)


def test_the_input_that_the_others_are_spoilt_from_is_good():
    data = read_data(load_config(ROOT / INPUTS / "good.yaml"), ROOT / INPUTS)
    boards = [{picture.group for picture in pictures} for pictures in data.splits.values()]
    assert sum(map(len, boards)) == len(set.union(*boards)) == 4


def test_every_folder_is_in_the_table():
    assert {entry.name for entry in (ROOT / INPUTS).iterdir()} - set(FOLDERS) == {"good", "good.yaml"}
