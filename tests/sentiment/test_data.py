"""Reviews: cleaning, splitting, and what is refused."""

import csv
import re

import pytest

from common.config import build
from common.errors import UserError
from tasks.sentiment.config import Config
from tasks.sentiment.data import EMBEDDED, normalise, read_data, split_hash

SEVEN = ["平板", "水果", "洗发水", "衣服", "手机", "蒙牛", "热水器"]


def configuration(**data) -> Config:
    small = {"test_size": 1, "validation_size": 1, "train_size": None, "train": "reviews.csv"}
    return build(Config, {"task": "sentiment", "data": {**small, **data}}, "test")


def write(folder, text: str, name: str = "reviews.csv"):
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


def texts(data) -> set[str]:
    return {review.text for reviews in data.splits.values() for review in reviews}


def test_empty_duplicate_and_conflicting_texts_are_dropped(tmp_path):
    rows = ["好评,1", "好评！,1", "……,0", "一般,0", "一般。,1", "差评,0", "不错,1", "难用,0"]
    data = read_data(configuration(), write(tmp_path, "review,label\n" + "\n".join(rows)))
    assert texts(data) == {"好评", "差评", "不错", "难用"}


def test_byte_order_marks_quoted_newlines_and_line_ends(tmp_path):
    text = '\ufeffreview,label\r\n"第一行\n第二行",1\r\n\ufeff好用,1\r\n差劲,0\r\n退货,0\r\n'
    assert texts(read_data(configuration(), write(tmp_path, text))) == {
        "第一行\n第二行",
        "好用",
        "差劲",
        "退货",
    }


def test_a_text_keeps_its_side_when_others_are_added(tmp_path):
    rows = [f"评论{i},{i % 2}" for i in range(60)]
    fixed = {"test_size": 20, "validation_size": 10}
    few = read_data(configuration(**fixed), write(tmp_path, "review,label\n" + "\n".join(rows[:40])))
    more = read_data(configuration(**fixed), write(tmp_path, "review,label\n" + "\n".join(rows)))
    # More texts push some over the boundary of a fixed size, and only in one direction.
    order = ("test", "validation", "train")
    place = {r.text: order.index(name) for name in order for r in few.splits[name]}
    assert all(order.index(name) >= place.get(r.text, 0) for name in order for r in more.splits[name])


def test_draws_are_nested_by_size_and_differ_by_seed(tmp_path):
    write(tmp_path, "review,label\n" + "\n".join(f"评论{i},{i % 2}" for i in range(60)))

    def drawn(size: int, seed: int = 0) -> set[str]:
        data = read_data(configuration(train_size=size, seed=seed), tmp_path)
        return {review.text for review in data.splits["train"]}

    assert drawn(10) < drawn(30) < drawn(58)
    assert drawn(10, seed=1) != drawn(10)


@pytest.mark.parametrize(
    ("text", "data", "message"),
    [
        ("review,label\n", {}, "found no review"),
        ("text,label\n好,1\n", {}, "data.text_column: found no column 'review', expected one of text, label"),
        ("review,标签\n好,1\n", {}, "data.label_column: found no column 'label'"),
        ("review,label\n好,1\n", {"groups": ["a"]}, "data.group_column: found no column 'cat'"),
        ("review,label\n好,1\n差,\n", {}, "line 3: found no label"),
        ("review,label\n好,1\n差\n", {}, "line 3: found no label"),
        ("review,label\n好,1\n差,0\n", {}, "found 2 different texts, expected at least 3"),
        ("review,label\n好,1\n很好,1\n真好,1\n", {}, "found only '1', expected two labels or more"),
        (None, {}, "no such file"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, text, data, message):
    if text is not None:
        write(tmp_path, text)
    with pytest.raises(UserError, match=re.escape(message)):
        read_data(configuration(**data), tmp_path)


def test_another_encoding_is_refused(tmp_path):
    (tmp_path / "reviews.csv").write_bytes("review,label\n好,1\n".encode("gb18030"))
    with pytest.raises(UserError, match="line 2: found bytes that are not UTF-8"):
        read_data(configuration(), tmp_path)


def test_embedded_reviews_are_many_different_balanced_and_varied():
    with open(EMBEDDED, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({normalise(row["review"]) for row in rows}) == len(rows) == 1120
    for category in SEVEN:
        labels = [row["label"] for row in rows if row["cat"] == category]
        assert labels.count("0") == labels.count("1") == 80
    for trait in ("negation", "contrast", "sarcasm", "emoji", "typo"):
        assert sum(row["trait"] == trait for row in rows) >= 84
    # Written one by one: no opening of six characters is used up as a template's would be.
    openings = [normalise(row["review"])[:6] for row in rows]
    assert max(openings.count(opening) for opening in set(openings)) <= 6


def test_real_splits_are_golden(data_root):
    config = build(Config, {"task": "sentiment", "data": {"groups": SEVEN}}, "test")
    data = read_data(config, data_root)
    assert {name: (len(reviews), split_hash(reviews)[:16]) for name, reviews in data.splits.items()} == {
        "train": (3000, "5234ed10a51da925"),
        "validation": (1000, "42cb7bc6b97db178"),
        "test": (5000, "f3e90fee8af4a1a7"),
    }
    config.data.train_size = None
    assert len(read_data(config, data_root).splits["train"]) == 38702


@pytest.mark.parametrize(("size", "expected"), [(500, 0.884), (1000, 0.907), (3000, 0.928)])
def test_logistic_regression_on_the_splits_is_as_accurate_as_known(data_root, size, expected):
    """TF-IDF of character 1-3-grams, mean of three draws; it checks the splits, not the classifier."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    accuracies = []
    for seed in range(3):
        fields = {"groups": SEVEN, "train_size": size, "seed": seed}
        data = read_data(build(Config, {"task": "sentiment", "data": fields}, "test"), data_root)
        train, test = data.splits["train"], data.splits["test"]
        features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
        known = features.fit_transform(r.text for r in train)
        model = LogisticRegression(C=10, max_iter=1000).fit(known, [r.label for r in train])
        accuracies.append(model.score(features.transform(r.text for r in test), [r.label for r in test]))
    assert sum(accuracies) / 3 == pytest.approx(expected, abs=0.007)
