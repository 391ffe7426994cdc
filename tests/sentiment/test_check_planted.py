"""Faults planted in clean files are found, each once and with its lines."""

import pytest

from tests.sentiment.checked_files import ADDED, GARBLED, REVIEWS, SPARE, check, clean, found

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
