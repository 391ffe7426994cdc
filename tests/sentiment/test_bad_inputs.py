"""Files that cannot be trained on, each with the one line that says why.

All run in one process, through what `train.py` calls; five also as a user runs it.
"""

from pathlib import Path

import pytest

from common.errors import run_command
from tasks.training import train_command

FOLDER = Path(__file__).with_name("bad_inputs")
PLAIN = FOLDER / "plain.yaml"
COLUMNS = ["--data.text_column", "评论", "--data.label_column", "情感"]

BAD = {
    "empty.csv": "found no column '评论', expected one of a header",
    "no_text_column.csv": "data.text_column: found no column '评论', expected one of text",
    "no_label_column.tsv": "data.label_column: found no column '情感'",
    "too_many_fields.csv": "line 4: found 3 fields, expected 2 as in the header",
    "no_label.csv": "line 4: found no 情感, expected a label",
    "blank_label.csv": "line 4: found no 情感, expected a label",
    "open_quote.csv": "is not CSV: unexpected end of data",
    "text_after_quote.csv": "line 4: is not CSV",
    "tab_in_text.tsv": "line 4: found 3 fields",
    "binary.csv": "found bytes that are neither UTF-8 nor GB18030",
    "zero.csv": "line 4: found a zero byte, expected text",
    "half_utf16.csv": "found bytes that are neither",
    "array.jsonl": "line 1: found list, expected an object",
    "broken.jsonl": "line 2: is not JSON",
    "missing_key.jsonl": "line 1: found no '情感' (data.label_column) among 评论",
    "null_label.jsonl": "line 1: found no 情感, expected a label",
    "list_text.jsonl": "line 1: 评论: found list, expected text",
    "half_character.jsonl": "line 1: 评论: found half of a character",
    "table.xlsx": "found the ending '.xlsx', expected one of .csv, .tsv, .jsonl",
    "one_class.csv": "情感: found only '正面', expected two labels or more",
    "header_only.csv": "found no review, expected rows below the header",
    "too_few.csv": "found 2 different texts of one label each, too few to split off",
    "only_punctuation.csv": "found no review",
    "contradictory.csv": "found 0 different texts of one label each, too few to split off test",
    "renamed_gzip.csv": "found bytes that are neither UTF-8 nor GB18030",
    "column_twice.csv": "data.text_column: found 2 columns '评论', expected one",
    "unknown_key.yaml": "optim.weight_decy: unknown key; the nearest is optim.weight_decay",
    "wrong_type.yaml": 'train.epochs: found "many", expected a valid integer',
    "out_of_range.yaml": "model.dropout: found 1.5, expected less than 1",
    "key_twice.yaml": "key_twice.yaml: line 4 is not YAML: found the key epochs a second time",
    "not_yaml.yaml": "not_yaml.yaml: line 3 is not YAML",
    "half_a_split.yaml": "data.test_size, data.validation_size: found one of them, expected both or neither",
    "groups_without_column.yaml": "data.groups: found groups, but no data.group_column",
    "heads.yaml": "model.heads: found 4, expected a divisor of 30",
    "class_weights.yaml": "loss.class_weights: found 3, expected one for each of 0, 1",
    "unknown_class.yaml": "found the label '0', expected one of data.classes",
    "too_many.yaml": "data.train_size: found 100000, expected at most",
    "list.yaml": "found list, expected keys with values",
    "no_task.yaml": "task: found None",
    "extends_itself.yaml": "extends itself",
    "extends_nothing.yaml": "no.yaml: no such configuration file",
    "weights_of_pickles": "pytorch_model.bin, a pickle, which is not opened",
    "weights_missing": "has no model.safetensors",
    "weights_without_config": "has no config.json",
    "weights_of_gpt": "found gpt2, expected one of bert, roberta, ernie",
    "weights_without_vocabulary": "vocab.txt",
    "weights_with_large_vocabulary": "found 8 tokens, expected at most 6",
    "weights_with_broken_config": "config.json cannot be read",
    "weights_with_few_positions": "data.max_length: found 128, expected at most 64",
    "weights_with_negative_size": "hidden_size: found -8, expected a whole number from 1",
}
# Good by themselves, but not beside each other.
TOGETHER = {
    (
        "good.csv",
        "--data.validation",
        "other_label.csv",
    ): "found the label '中性', expected one that training has",
    ("good.csv", "--data.test", "good.csv"): "found no text of validation that stands once",
}
AS_COMMANDS = ["open_quote.csv", "too_few.csv", "missing_key.jsonl", "key_twice.yaml", "weights_of_pickles"]


def flags_for(name: str) -> list[str]:
    """What a user would type to train with the file."""
    file = str(FOLDER / name)
    if name.endswith(".yaml"):
        return ["--config", file]
    if name.startswith("weights"):
        return ["--config", str(PLAIN), "--model.weights", file]
    # The quickstart's sizes are for its own reviews.
    sizes = ["--data.test_size", "null", "--data.validation_size", "null", "--data.train_size", "all"]
    return ["--config", str(PLAIN), "--data.train", file, *COLUMNS, *sizes]


def assert_one_line(found: str, message: str, run: Path) -> None:
    assert message in found
    assert found.startswith("error: ") and found.count("\n") == 1
    assert not run.exists()


def refuse(flags: list[str], message: str, run: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", *flags, "--run-dir", str(run)])
    with pytest.raises(SystemExit) as left:
        run_command(lambda: train_command("", "train.py", ""))
    assert left.value.code == 2
    assert_one_line(capsys.readouterr().err, message, run)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line(name, tmp_path, monkeypatch, capsys):
    refuse(flags_for(name), BAD[name], tmp_path / "run", monkeypatch, capsys)


@pytest.mark.parametrize("names", TOGETHER)
def test_files_that_do_not_fit_each_other_are_one_line(names, tmp_path, monkeypatch, capsys):
    train, flag, other = names
    flags = [*flags_for(train), flag, str(FOLDER / other)]
    refuse(flags, TOGETHER[names], tmp_path / "run", monkeypatch, capsys)


@pytest.mark.parametrize("name", AS_COMMANDS)
def test_as_a_command(name, tmp_path, command):
    done = command("train.py", *flags_for(name), "--run-dir", tmp_path / "run")
    assert done.returncode == 2
    assert_one_line(done.stderr, BAD[name], tmp_path / "run")


def test_every_file_is_used():
    used = {name.split("/")[0] for name in BAD} | {name for names in TOGETHER for name in names}
    assert {file.name for file in FOLDER.iterdir()} == (used | {PLAIN.name}) - {
        "--data.validation",
        "--data.test",
    }
