"""Faults planted in clean files are found, each once and with its lines."""

import csv
import json
import string
import subprocess
import sys
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.config import build, parse_flags
from common.errors import UserError
from common.reporting.findings import Finding, findings_rows
from tasks.sentiment.check import check_data
from tasks.sentiment.config import Config
from tasks.sentiment.data import EMBEDDED, read_data
from tasks.sentiment.vocabulary import build_vocabulary
from tests.conftest import ROOT

FILES = {"train": "train.csv", "validation": "dev.csv", "test": "test.csv"}
# Lines of a file of 40 rows: the header is line 1, the first row line 2, a row that is added line 42.
ROWS, ADDED = 40, 42


def reviews() -> list[str]:
    with open(EMBEDDED, encoding="utf-8", newline="") as file:
        return [row["review"] for row in csv.DictReader(file)]


REVIEWS = reviews()
SPARE = REVIEWS[200]
GARBLED = SPARE[:9].encode().decode("gb18030", "replace").replace("\ufffd", "")


def clean(folder) -> dict[str, list[list[str]]]:
    """Text and label of the rows of each split; a vocabulary that has all their characters."""
    vocabulary = folder / "bert"
    vocabulary.mkdir()
    tokens = build_vocabulary([*REVIEWS, GARBLED, string.printable])
    (vocabulary / "vocab.txt").write_text("\n".join(tokens), encoding="utf-8")
    starts = {"train": 0, "validation": ROWS, "test": 2 * ROWS}
    return {
        split: [[text, "01"[i % 2]] for i, text in enumerate(REVIEWS[start : start + ROWS])]
        for split, start in starts.items()
    }


def check(folder, rows, **data) -> list[Finding]:
    for split, several in rows.items():
        with open(folder / FILES[split], "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text", "label"], *several])
    files = {split: FILES[split] for split in rows}
    values = {"task": "sentiment", "data": {**files, **data}, "model": {"weights": str(folder / "bert")}}
    return check_data(build(Config, values, "test"), folder)[1]


def found(findings: list[Finding]) -> list[tuple]:
    return sorted(
        (f.severity, f.kind, f.count, *(f"{place.file.name}:{place.line}" for place in f.places))
        for f in findings
    )


def test_clean_files_have_no_finding(tmp_path):
    assert check(tmp_path, clean(tmp_path)) == []
    one = {"train": [[text, "01"[i % 2]] for i, text in enumerate(REVIEWS[:400])]}
    assert check(tmp_path, one, test_size=60, validation_size=60) == []


# Rows to add at the end of a split, fields of data, and what is found then.
PLANTED = {
    "no label": ({"train": [[SPARE, ""]]}, {}, [("error", "no label", 1, "train.csv:42")]),
    "class not in training": (
        {"test": [[SPARE, "2"]]},
        {},
        [("error", "class not in training", 1, "test.csv:42")],
    ),
    "label outside the given ones": (
        {"train": [[SPARE, "好"]]},
        {"classes": ["0", "1"]},
        [("error", "label outside data.classes", 1, "train.csv:42")],
    ),
    "labels that look alike": (
        {"train": [[text, "1.0"] for text in REVIEWS[200:212]]},
        {"classes": ["0", "1", "1.0"]},
        [
            ("warning", "class missing from a split", 1),
            ("warning", "class missing from a split", 1),
            ("warning", "labels that look alike", 12, *(f"train.csv:{ADDED + i}" for i in range(12))),
        ],
    ),
    "a class of few texts": (
        {
            split: [[text, "2"] for text in texts]
            for split, texts in (
                ("train", REVIEWS[200:212]),
                ("validation", REVIEWS[212:224]),
                ("test", REVIEWS[224:226]),
            )
        },
        {},
        [("warning", "class of few texts", 1, "test.csv:42")],
    ),
    "imbalance": (
        {"train": [[text, "1"] for text in REVIEWS[200:260]]},
        {},
        [("note", "imbalance", 4)],
    ),
    "great imbalance": (
        {"train": [[text, "1"] for text in REVIEWS[200:400]]},
        {},
        [("warning", "imbalance", 11)],
    ),
    "a repeated text": (
        {"train": [[REVIEWS[3] + "！！", "1"]]},
        {"duplicates": "keep"},
        [("warning", "repeated text", 1, "train.csv:42")],
    ),
    "a repeated text, dropped": (
        {"train": [[REVIEWS[3] + "！！", "1"]]},
        {},
        [("note", "repeated text", 1, "train.csv:42")],
    ),
    "two labels": (
        {"train": [[REVIEWS[3], "0"]]},
        {"duplicates": "keep"},
        [("warning", "two labels", 1, "train.csv:5", "train.csv:42")],
    ),
    "in two splits": (
        {"test": [[REVIEWS[3], "1"]]},
        {"duplicates": "keep"},
        [("error", "same text in two splits", 1, "test.csv:42")],
    ),
    "in two splits, dropped": (
        {"test": [[REVIEWS[3], "0"]]},
        {},
        [("note", "same text in two splits", 1, "test.csv:42")],
    ),
    "in two splits but for punctuation": (
        {"validation": [["~" + REVIEWS[3], "1"]]},
        {"duplicates": "keep"},
        [("error", "same letters in two splits", 1, "dev.csv:42")],
    ),
    "nearly in two splits": (
        {
            "train": [[text, "1"] for text in (REVIEWS[200] + REVIEWS[201],)],
            "test": [[text, "0"] for text in (REVIEWS[200] + "哈" + REVIEWS[201],)],
        },
        {},
        [("warning", "nearly the same in two splits", 1, "test.csv:42")],
    ),
    "empty": ({"test": [["  ", "1"]]}, {}, [("warning", "empty text", 1, "test.csv:42")]),
    "emoji": ({"train": [["👍👍！", "1"]]}, {}, [("warning", "no letter or digit", 1, "train.csv:42")]),
    "replacement character": (
        {"train": [[SPARE + "\ufffd", "1"]]},
        {},
        [("warning", "wrong encoding", 1, "train.csv:42")],
    ),
    "UTF-8 read as GB18030": (
        {"train": [[GARBLED, "1"]]},
        {},
        [("warning", "wrong encoding", 1, "train.csv:42")],
    ),
    "HTML": (
        {"train": [[SPARE + "<br/>", "1"], [REVIEWS[201] + "&nbsp;", "0"], [REVIEWS[202] + "<3 a<b", "1"]]},
        {},
        [("warning", "HTML", 2, "train.csv:42", "train.csv:43")],
    ),
    "escape sequences": (
        {"train": [[SPARE + r"\n", "1"], [REVIEWS[201] + r"\u597d", "0"], [REVIEWS[202] + r"\(^o^)/", "1"]]},
        {},
        [("warning", "escape sequence", 2, "train.csv:42", "train.csv:43")],
    ),
    "an address": ({"test": [[SPARE + "www.a.cn", "1"]]}, {}, [("note", "URL", 1, "test.csv:42")]),
    "Latin": (
        {"train": [["Good quality 好, fast delivery", "1"]]},
        {},
        [("note", "mostly Latin or digits", 1, "train.csv:42")],
    ),
    "far too long": (
        {"train": [["".join(REVIEWS[200:250]), "1"]]},
        {"max_length": 512},
        [("note", "very long text", 1, "train.csv:42"), ("note", "cut text", 1, "train.csv:42")],
    ),
    "cut": (
        {"train": [["".join(REVIEWS[200:207]), "1"]]},
        {},
        [("note", "cut text", 1, "train.csv:42")],
    ),
    "a character outside the vocabulary": (
        {"test": [[SPARE + "龘龘", "1"]]},
        {},
        [("note", "outside the vocabulary", 2, "test.csv:42")],
    ),
    "one class too many in the fields": (
        {},
        {"classes": ["0", "1", "2"]},
        [("warning", "class missing from a split", 1)] * 3,
    ),
    "too few to draw from": ({}, {"train_size": 41}, [("error", "refused by training", 1)]),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_once_with_its_lines(tmp_path, name):
    added, data, expected = PLANTED[name]
    rows = clean(tmp_path)
    for split, several in added.items():
        rows[split] += several
    assert found(check(tmp_path, rows, **data)) == sorted(expected)


def test_a_text_that_stands_with_two_labels_names_where_and_which(tmp_path):
    rows = clean(tmp_path)
    rows["test"].append([REVIEWS[3], "0"])
    (finding,) = check(tmp_path, rows, duplicates="keep")
    assert "1 with another label there" in finding.message
    assert finding.places[0].detail == "train.csv:5 (label 0, there 1)"


def test_the_remedy_for_imbalance_is_flags_that_training_takes(tmp_path):
    rows = clean(tmp_path)
    rows["train"] += [[text, "1"] for text in REVIEWS[200:260]]
    (finding,) = check(tmp_path, rows)
    flags = ["--loss.class_weights", "balanced", "--data.sampling", "balanced"]
    assert all(" ".join(flags[i : i + 2]) in finding.remedy for i in (0, 2))
    config = build(Config, {"task": "sentiment", **parse_flags(flags, Config)}, "test")
    assert (config.loss.class_weights, config.data.sampling) == ("balanced", "balanced")


def column_faults(texts: list[str]) -> dict[str, tuple]:
    number = len(texts)
    labels = [str(i % 2) for i in range(number)]
    return {
        "exchanged": (labels, texts, ("error", "exchanged columns", number)),
        "label is text": (texts, [f"{text}。" for text in texts], ("error", "label column", number)),
        "many labels": (texts, [str(i % 60) for i in range(number)], ("warning", "label column", 60)),
        "constant": (["好"] * number, labels, ("error", "text column", number)),
        "a category": (["手机", "衣服"] * (number // 2), labels, ("error", "text column", number)),
        "numbers": ([f"{i}.5" for i in range(number)], labels, ("error", "text column", number)),
        "very short": ([text[:2] for text in texts], labels, ("warning", "text column", number)),
    }


@pytest.mark.parametrize("name", column_faults([]))
def test_a_wrong_column_is_found_once(tmp_path, name):
    clean(tmp_path)
    texts, labels, expected = column_faults(REVIEWS[:400])[name]
    findings = check(tmp_path, {"train": [list(row) for row in zip(texts, labels)]})
    columns = [finding for finding in findings if "column" in finding.kind]
    assert [(f.severity, f.kind, f.count) for f in columns] == [expected]
    # Where nothing can be believed, nothing else is reported.
    assert expected[0] == "warning" or findings == columns
    assert columns[0].places[0].line == 2


def test_one_class_is_an_error(tmp_path):
    clean(tmp_path)
    findings = check(tmp_path, {"train": [[text, "1"] for text in REVIEWS[:60]]})
    assert [(f.severity, f.kind) for f in findings] == [("error", "one class")]


def test_only_the_groups_of_the_configuration_are_looked_at(tmp_path):
    clean(tmp_path)
    rows = [[text, "01"[i % 2], "衣服"] for i, text in enumerate(REVIEWS[:400])]
    with open(tmp_path / "train.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "label", "cat"], *rows, ["", "0", "水果"]])
    data = {"train": "train.csv", "group_column": "cat", "groups": ["衣服"]}
    values = {"task": "sentiment", "data": data, "model": {"weights": str(tmp_path / "bert")}}
    assert check_data(build(Config, values, "test"), tmp_path)[1] == []


def test_a_folder_without_a_vocabulary_and_weights_that_are_not_here(tmp_path):
    rows = clean(tmp_path)
    (tmp_path / "bert/vocab.txt").unlink()
    with pytest.raises(UserError, match="model.weights: .* has no vocab.txt"):
        check(tmp_path, rows)
    (tmp_path / "bert").rmdir()
    assert [f.kind for f in check(tmp_path, rows)] == ["vocabulary not here"]


ODD = st.sampled_from(["", "好", "好！", "👍", "<br>好", "a" * 30, *REVIEWS[:12], GARBLED, r"\n好"])
# A line with neither text nor label is no row.
ROW = st.tuples(ODD, st.sampled_from(["0", "1", "1", "x", ""])).filter(any)
SEVERAL = st.lists(ROW, min_size=1, max_size=30)


@given(
    rows=st.fixed_dictionaries({"train": SEVERAL}, optional={"validation": SEVERAL, "test": SEVERAL}),
    duplicates=st.sampled_from(["keep", "drop"]),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_training_refuses_is_an_error_and_nothing_is_too_odd_to_look_at(tmp_path, rows, duplicates):
    (tmp_path / "bert").mkdir(exist_ok=True)
    (tmp_path / "bert/vocab.txt").write_text("[UNK]\n好\n", encoding="utf-8")
    written = {split: [list(row) for row in several] for split, several in rows.items()}
    findings = check(tmp_path, written, duplicates=duplicates)
    values = {"train": "train.csv", **{s: FILES[s] for s in rows}, "duplicates": duplicates}
    try:
        read_data(build(Config, {"task": "sentiment", "data": values}, "test"), tmp_path)
    except UserError:
        assert any(finding.severity == "error" for finding in findings)
    assert findings_rows(findings) or not findings


def test_capital_letters_count_where_the_tokenizer_keeps_them(tmp_path):
    rows = clean(tmp_path)
    rows["train"].append([SPARE + "Q", "1"])
    assert check(tmp_path, rows) == []
    (tmp_path / "bert/tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    outside = check(tmp_path, rows)
    assert [f.kind for f in outside] == ["outside the vocabulary"] and "Q 1" in outside[0].message


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    rows = clean(tmp_path)
    with pytest.raises(UserError, match="train.csv: line 42: found 3 fields"):
        check(tmp_path, {"train": [*rows["train"], ["a", "1", "b"]]})
    with pytest.raises(UserError, match="found no review"):
        check(tmp_path, {"train": []})


def test_paddle_is_not_imported():
    code = "import sys, tasks.sentiment.check; assert not {'paddle', 'paddlenlp'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_leak_of_chnsenticorp_is_found(data_root):
    config = build(Config, {"task": "sentiment", "data": {"train": "chnsenticorp"}}, "test")
    started = time.perf_counter()
    sections, findings = check_data(config, data_root)
    assert time.perf_counter() - started < 60
    (overlap,) = [section for section in sections if section.title == "Texts in two splits"]
    # Texts, the same character for character, the same by letters, with another label, nearly the same.
    assert overlap.tables[0].rows == [
        ["test in train", "1,200", "331", "335", "6", "3"],
        ["validation in train", "1,200", "338", "342", "9", "5"],
        ["test in validation", "1,200", "40", "41", "1", "0"],
    ]
    leaks = [f for f in findings if f.kind == "same text in two splits"]
    assert [(f.severity, f.count) for f in leaks] == [("error", 331), ("error", 338), ("warning", 40)]
    assert "6 with another label there" in leaks[0].message
    assert Counter(place.file.name for place in leaks[1].places) == {"dev.tsv": 338}
    (files,) = [section for section in sections if section.title == "Files"]
    assert [row[2:] for row in files.tables[0].rows][0] == ["9,600", "0", "0", "8,233"]
