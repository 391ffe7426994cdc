"""Bad inputs, each a file in ``bad_inputs/`` or a folder of weights, and the line that answers it.

In a line ``{file}`` is the input, ``{folder}`` the folder of weights, ``{assets}`` that of the run;
``...`` at its end stands for what a library adds. All rows run in one process, some as commands too.
"""

import shutil
from pathlib import Path

import pytest

from tasks.runs import load_config
from tasks.sentiment.data import read_data
from tasks.sentiment.encoder_folder import check_weights
from tests.conftest import ROOT, seconds_of_children
from tests.sentiment.bad_weights import LOADED, WEIGHTS
from tests.sentiment.commands import INPUTS, answers_of, check_answer, command_of, write_run
from tests.sentiment.encoder_folders import hugging_face_folder

NEITHER = "found bytes that are neither UTF-8 nor GB18030, expected these, or UTF-16 with a byte-order mark"
NOTHING_LEFT = (
    "found no text of train that stands once, with one label and in one split, expected some "
    "(see data.duplicates)"
)

# train.py --data.train FILE
FILES = {
    "missing.csv": "{file}: no such file, expected one below --data-root or elsewhere",
    "parts.csv": "{file}: found a folder, expected a file",
    "workbook.xlsx": "{file}: found the ending '.xlsx', expected one of .csv, .tsv, .jsonl",
    "reviews.json": "{file}: found the ending '.json', expected one of .csv, .tsv, .jsonl",
    "workbook.csv": "{file}: found a ZIP archive, as Excel workbooks are, expected text",
    "gzip.csv": "{file}: found a gzip archive, expected text",
    "picture.csv": "{file}: found a PNG picture, expected text",
    "mixed_encodings.csv": "{file}: line 22: " + NEITHER,
    "utf16_without_mark.csv": "{file}: line 2: " + NEITHER,
    "utf16_cut.csv": "{file}: line 21: found bytes that are not UTF-16, expected it, since there is a "
    "byte-order mark",
    "zero_byte.csv": "{file}: line 3: found a zero byte, expected text",
    "empty.csv": "{file}: data.text_column: found no header, expected a first line with 'text'",
    "blank_lines.csv": "{file}: data.text_column: found no header, expected a first line with 'text'",
    "header_only.csv": "{file}: found no review, expected rows with a text (see data.groups)",
    "no_header.csv": "{file}: data.text_column: found no column 'text', expected one of 很满意，下次还来, 好",
    "no_text_column.csv": "{file}: data.text_column: found no column 'text', expected one of review, label",
    "no_label_column.tsv": "{file}: data.label_column: found no column 'label', expected one of text, "
    "sentiment",
    "column_twice.csv": "{file}: data.text_column: found 'text' twice, expected one such column",
    "text_missing.csv": "{file}: line 3: found 1 of 2 fields, expected 'text' among them",
    "label_missing.csv": "{file}: line 3: found 1 of 2 fields, expected 'label' among them",
    "too_many_fields.csv": "{file}: line 3: found 3 fields, expected 2 as in the header",
    "tab_in_text.tsv": "{file}: line 3: found 3 fields, expected 2 as in the header",
    "no_label.csv": "{file}: line 3: found nothing in 'label', expected a label",
    "blank_label.csv": "{file}: line 3: found nothing in 'label', expected a label",
    "open_quote.csv": "{file}: line 3: found a quotation mark that is not closed, expected its partner ...",
    "text_after_quote.csv": "{file}: line 3: is not CSV: ',' expected after '\"'",
    "one_class.csv": "{file}: label: found only '好', expected two labels or more",
    "label_of_one_text.csv": "{file}: line 22: found the label '中' 1 time(s), expected 3 or more, so that "
    "each split can have one",
    "too_few_texts.csv": "{file}: found 6 different texts of one label each, too few to split off ...",
    "two_labels.csv": "{file}: " + NOTHING_LEFT,
    "only_punctuation.csv": "{file}: found no review, expected rows with a text (see data.groups)",
    "empty_lines.jsonl": "{file}: found no review, expected rows with a text (see data.groups)",
    "broken.jsonl": "{file}: line 2: is not JSON from column 26 on ...",
    "pretty.jsonl": "{file}: line 1: is not JSON from column 2 on ...",
    "deep.jsonl": "{file}: line 2: is not JSON: ...",
    "array.jsonl": "{file}: line 1: found list, expected an object",
    "missing_key.jsonl": "{file}: line 2: found no 'label' (data.label_column) among text, star",
    "key_twice.jsonl": "{file}: line 2: is not JSON: found 'text' twice, expected each name once",
    "null_label.jsonl": "{file}: line 2: found nothing in 'label', expected a label",
    "list_text.jsonl": "{file}: line 2: text: found list, expected text",
    "half_character.jsonl": "{file}: line 2: text: found half of a character (a lone surrogate), expected "
    "whole ones",
}

# train.py --data.validation FILE
VALIDATION = {
    "other_class.csv": "{file}: line 8: found the label '中' in validation, expected one that training has: "
    "好, 差",
}

# train.py --config FILE
CONFIGURATIONS = {
    "missing.yaml": "{file}: no such configuration file",
    "empty.yaml": "{file}: found nothing, expected keys with values",
    "list.yaml": "{file}: found a list, expected keys with values",
    "gb18030.yaml": "{file}: line 2: found bytes that are not UTF-8, expected UTF-8",
    "open_bracket.yaml": "{file}: line 3 is not YAML: expected ',' or ']', but got '<stream end>'",
    "tab.yaml": "{file}: line 3 is not YAML: found character '\\t' that cannot start any token",
    "no_space.yaml": "{file}: line 4 is not YAML: mapping values are not allowed here",
    "python_object.yaml": "{file}: line 1 is not YAML: could not determine a constructor for the tag ...",
    "key_twice.yaml": "{file}: line 4 is not YAML: found the key optim a second time",
    "extends_itself.yaml": "{file}: extends: found the file itself, expected another",
    "extends_number.yaml": "{file}: extends: found 5, expected a file or a list of files",
    "extends_list.yaml": "{file}: extends: found [5], expected a file or a list of files",
    "extends_missing.yaml": f"{INPUTS}/baseline.yml: no such configuration file, which extends_missing.yaml "
    "extends",
    "no_task.yaml": "{file}: task: found nothing, expected one of sentiment, pcb, sentiment_pretraining",
    "unknown_task.yaml": "{file}: task: found 'sentimant', expected one of sentiment, ...",
    "unknown_key.yaml": "{file}: optim.weight_decy: unknown key; the nearest is optim.weight_decay",
    "unknown_section.yaml": "{file}: optimizer: unknown key; the nearest is optim",
    "null_section.yaml": "{file}: optim: found null, expected keys with values",
    "wrong_type.yaml": '{file}: train.epochs: found "many", expected a whole number',
    "text_for_a_number.yaml": '{file}: optim.learning_rate: found "1e-4", expected a number',
    "out_of_range.yaml": "{file}: model.dropout: found 1.5, expected less than 1",
    "infinite.yaml": "{file}: optim.learning_rate: found Infinity, expected a finite number",
    "not_a_choice.yaml": "{file}: optim.name: found \"adan\", expected 'adamw', 'adam', 'momentum' or 'sgd'",
    "bad_rule.yaml": "{file}: optim.rules: found 'encoder[.', expected a regular expression: ...",
    "sizes_beside_weights.yaml": "{file}: model.layers: found 2 beside model.weights mini-bert-zh, which has "
    "its own; expected null, or --model.weights null to train from scratch",
    "heads.yaml": "{file}: model.heads: found 5, expected a divisor of 64",
    "frozen.yaml": "{file}: model.frozen_layers: found 4, expected at most 3: the embeddings and 2 blocks",
    "one_column.yaml": "{file}: data.label_column: found 'text', expected another column than "
    "data.text_column",
    "one_file.yaml": "{file}: data.validation, data.test: found 'good.csv' twice, expected different files",
    "one_size.yaml": "{file}: data.test_size, data.validation_size: found one of them, expected both or "
    "neither",
    "shares.yaml": "{file}: data.test_share, data.validation_share: found 1 together, expected less than 1",
    "class_twice.yaml": "{file}: data.classes: found ['好', '差', '好'], expected two labels or more, each "
    "once",
    "groups_without_column.yaml": "{file}: data.groups: found groups, but no data.group_column that they "
    "stand in",
    "no_such_group.yaml": f"{INPUTS}/good.csv: data.group_column: found no column 'cat', expected one of "
    "text, label",
    "other_classes.yaml": f"{INPUTS}/good.csv: line 2: found the label '好', expected one of data.classes: "
    "差, 中",
    "class_weights.yaml": "loss.class_weights: found 3, expected one for each of 好, 差",
    "too_many_drawn.yaml": f"{INPUTS}/good.csv: data.train_size: found 100, expected at most 17, or all",
    "precision.yaml": "train.amp: found bf16 on a CPU, where Paddle ignores it; expected off",
}

# predict.py --input FILE
TEXTS = {
    "missing.csv": "--input: {file}: no such file, expected one, or - for standard input",
    "parts.csv": "{file}: found a folder, expected a file",
    "workbook.xlsx": "--input: {file}: found the ending '.xlsx', expected one of .csv, .tsv, .jsonl, .txt, "
    "or - for lines on standard input",
    "workbook.csv": "{file}: found a ZIP archive, as Excel workbooks are, expected text",
    "mixed_encodings.csv": "{file}: line 22: " + NEITHER,
    "zero_byte.txt": "{file}: line 2: found a zero byte, expected text",
    "empty.csv": "{file}: --text-column: found no header, expected a first line with 'text'",
    "empty.txt": "--input: {file}: found no text, expected at least one",
    "empty_lines.jsonl": "--input: {file}: found no text, expected at least one",
    "header_only.csv": "--input: {file}: found no text, expected at least one",
    "no_text_column.csv": "{file}: --text-column: found no column 'text', expected one of review, label",
    "column_twice.csv": "{file}: --text-column: found 'text' twice, expected one such column",
    "too_many_fields.csv": "{file}: line 3: found 3 fields, expected 2 as in the header",
    "open_quote.csv": "{file}: line 3: found a quotation mark that is not closed, expected its partner ...",
    "broken.jsonl": "{file}: line 2: is not JSON from column 26 on ...",
    "deep.jsonl": "{file}: line 2: is not JSON: ...",
    "array.jsonl": "{file}: line 1: found list, expected an object",
    "no_text.jsonl": "{file}: line 2: --text-column: found no 'text' among review",
    "list_text.jsonl": "{file}: line 2: text: found list, expected text",
    "half_character_beside.jsonl": "{file}: line 1: found half of a character (a lone surrogate), expected "
    "whole ones",
}

TABLES = {
    "train": FILES,
    "validation": VALIDATION,
    "configuration": CONFIGURATIONS,
    "predict": TEXTS,
    "weights": WEIGHTS,
    "loaded weights": LOADED,
}
ROWS = [(kind, name) for kind, table in TABLES.items() for name in table]
# Started as commands too.
REAL = [
    ("train", "open_quote.csv"),
    ("configuration", "unknown_key.yaml"),
    ("predict", "mixed_encodings.csv"),
    ("weights", "a pickle of torch"),
    ("loaded weights", "another width"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Weights, spoilt in one way each, and the run that predict.py is given."""
    folder = tmp_path_factory.mktemp("bad")
    hugging_face_folder(folder / "good", "bert")
    check_weights(str(folder / "good"), 60)
    for kind, table in (("weights", WEIGHTS), ("loaded weights", LOADED)):
        for name, (spoil, _) in table.items():
            shutil.copytree(folder / "good", folder / kind / name)
            spoil(folder / kind / name)
    write_run(folder / "trained")
    return folder


@pytest.fixture(scope="module")
def answers(folder) -> dict:
    """What each row is answered, one after another in one process."""
    return dict(zip(ROWS, answers_of([command_of(*row, folder) for row in ROWS])))


def line_of(kind: str, name: str) -> str:
    row = TABLES[kind][name]
    return row if isinstance(row, str) else row[1]


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_a_bad_input_is_one_line_and_leaves_nothing_that_looks_finished(kind, name, folder, answers):
    answer = answers[kind, name]
    check_answer(answer, line_of(kind, name), kind, name, folder)
    assert answer["paddle"] == (kind == "loaded weights")


@pytest.mark.parametrize(("kind", "name"), REAL)
def test_a_command_answers_the_same(kind, name, folder, command):
    used = seconds_of_children()
    done = command(*command_of(kind, name, folder))
    assert kind == "loaded weights" or seconds_of_children() - used < 2
    answer = {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
    check_answer(answer, line_of(kind, name), kind, name, folder)


def test_the_input_that_the_others_are_spoilt_from_is_good():
    config = load_config(ROOT / INPUTS / "good.yaml")
    assert len(read_data(config, ROOT / INPUTS).splits) == 3


def test_every_file_is_in_the_table():
    named = {name for kind, name in ROWS if "weights" not in kind}
    assert {entry.name for entry in (ROOT / INPUTS).iterdir()} - named == {"good.csv", "good.yaml"}
