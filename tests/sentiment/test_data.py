"""Reviews: cleaning, splitting, and what is refused."""

import csv
import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.config import build
from common.errors import UserError
from tasks.sentiment.config import Config
from tasks.sentiment.data import EMBEDDED, DataReader, normalise, read_data, split_hash

SEVEN = ["平板", "水果", "洗发水", "衣服", "手机", "蒙牛", "热水器"]


def configuration(**data) -> Config:
    small = {f"{split}_size": 1 for split in ("test", "validation") if split not in data}
    small = {**small, "train": "reviews.csv", "text_column": "review"}
    return build(Config, {"task": "sentiment", "data": {**small, **data}}, "test")


def write(folder, text: str, name: str = "reviews.csv"):
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


def texts(data) -> set[str]:
    return {review.text for reviews in data.splits.values() for review in reviews}


def test_empty_duplicate_and_conflicting_texts_are_dropped(tmp_path):
    rows = ["好评,1", "好评！,1", "……,0", "一般,0", "一般。,1", "差评,0", "不错,1", "难用,0"]
    write(tmp_path, "review,label\n" + "\n".join(rows))
    data = read_data(configuration(classes=["0", "1"]), tmp_path)
    assert dict(data.dropped) == {"without a letter or digit": 1, "with two labels": 2, "duplicates": 1}
    assert texts(data) == {"好评", "差评", "不错", "难用"}


def test_a_text_is_compared_by_letters_marks_and_digits():
    assert normalise("好评！ 10_分❤\ufe0f") == "好评10_分"
    assert normalise("ดี") != normalise("ดู") and normalise("की") != normalise("का")
    assert len({normalise(letter) for letter in "AaＡ"}) == 3
    assert normalise("❤\ufe0f……") == ""


def test_what_stands_in_a_test_file_takes_nothing_from_the_size_of_validation(tmp_path):
    rows = [f"评论{i},{i % 2}" for i in range(40)]
    write(tmp_path, "review,label\n" + "\n".join(rows))
    write(tmp_path, "review,label\n" + "\n".join(rows[:30]), "test.csv")
    data = read_data(configuration(test="test.csv", validation_size=5), tmp_path)
    assert [len(data.splits[name]) for name in ("train", "validation", "test")] == [5, 5, 30]
    assert not data.seen("validation").any() and not data.seen("test").any()
    assert dict(data.dropped) == {"of train that stand in validation or test": 30}


@pytest.mark.parametrize("size", range(1, 7))
def test_copies_that_are_kept_are_in_one_split(tmp_path, size):
    write(tmp_path, "review,label\n" + "\n".join(f"评论{i // 3},{i // 3 % 2}" for i in range(60)))
    data = read_data(configuration(duplicates="keep", test_size=size, validation_size=size), tmp_path)
    assert not data.seen("validation").any() and not data.seen("test").any()
    assert len(data.splits["test"]) == len(data.splits["validation"]) == -(-size // 3) * 3


def test_a_draw_of_one_class_is_warned_of(tmp_path):
    write(tmp_path, "review,label\n" + "\n".join(f"评论{i},{i % 2}" for i in range(60)))
    summary = read_data(configuration(train_size=1), tmp_path).summary()
    assert "\nwarning: all of train is " in summary and summary.count("\n") == 1
    assert "warning" not in read_data(configuration(train_size=30), tmp_path).summary()


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"test_size": 5}, "data.test_size: found 5"),
        ({"validation": "dev.csv", "validation_share": 0.3}, "data.validation_share: found 0.3"),
        ({"train": "chnsenticorp", "test": None, "validation_size": 5}, "data.validation_size: found 5"),
    ],
)
def test_a_size_or_share_beside_the_file_of_a_split_is_refused(fields, found):
    with pytest.raises(UserError, match=f"{found}, expected nothing beside the file of data"):
        build(Config, {"task": "sentiment", "data": {"train": "my.csv", "test": "test.csv", **fields}}, "t")


def test_a_file_stands_for_the_split_of_a_named_set_also_where_its_run_is_repeated():
    fields = {"train": "online_shopping", "test": "test.csv"}
    config = build(Config, {"task": "sentiment", "data": fields}, "test")
    assert (config.data.test_size, config.data.validation_size) == (None, 1000)
    assert build(Config, dataclasses.asdict(config), "test") == config


def test_byte_order_marks_quoted_newlines_and_line_ends(tmp_path):
    text = '\ufeffreview,label\r\n"第一行\n第二行",1\r\n\ufeff好用,1\r\n差劲,0\r\n退货,0\r\n'
    assert texts(read_data(configuration(), write(tmp_path, text))) == {
        "第一行\n第二行",
        "好用",
        "差劲",
        "退货",
    }


@given(
    texts=st.lists(st.text(st.characters(categories=["Lo", "Nd"]), min_size=1), min_size=60, unique=True),
    share=st.floats(0.1, 0.4),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_never_changes_sides_when_others_are_added(tmp_path, texts, share):
    rows = [f"{text},{number % 2}" for number, text in enumerate(texts)]
    shares = {"test_size": None, "validation_size": None, "test_share": share, "validation_share": share}

    def sides(number: int) -> dict[str, str]:
        data = read_data(
            configuration(**shares), write(tmp_path, "review,label\n" + "\n".join(rows[:number]))
        )
        return {review.text: name for name, reviews in data.splits.items() for review in reviews}

    try:
        few, all_of_them = sides(len(rows) - 20), sides(len(rows))
    except UserError:  # a split of so few texts may come out empty, and says so
        return
    assert few.items() <= all_of_them.items()


def test_a_share_is_a_share_of_every_class(tmp_path):
    rows = [f"评论{i},{'abc'[i % 3]}" for i in range(6000)]
    shares = {"test_size": None, "validation_size": None, "test_share": 0.2, "validation_share": 0.1}
    data = read_data(configuration(**shares), write(tmp_path, "review,label\n" + "\n".join(rows)))
    for split, share in (("test", 0.2), ("validation", 0.1), ("train", 0.7)):
        for label in range(3):
            number = sum(review.label == label for review in data.splits[split])
            # Of 2,000 texts; four standard deviations of a binomial draw are below 0.04.
            assert number / 2000 == pytest.approx(share, abs=0.04)


def test_a_given_test_file_stays_whole_and_training_loses_what_it_holds(tmp_path):
    write(tmp_path, "review,label\n好,1\n差,0\n很好,1\n真差,0\n不错,1\n")
    write(tmp_path, "review,label\n好！,1\n坏,0\n", "test.csv")
    write(tmp_path, "review,label\n不错,1\n坏,0\n", "validation.csv")
    files = {"test": "test.csv", "validation": "validation.csv"}
    data = read_data(configuration(**files), tmp_path)
    assert {name: {r.text for r in reviews} for name, reviews in data.splits.items()} == {
        "train": {"差", "很好", "真差"},
        "validation": {"不错"},
        "test": {"好！", "坏"},
    }
    assert dict(data.dropped) == {
        "of validation that stand in test": 1,
        "of train that stand in validation or test": 2,
    }
    kept = read_data(configuration(**files, duplicates="keep"), tmp_path)
    assert [len(kept.splits[name]) for name in ("train", "validation", "test")] == [5, 2, 2]
    assert kept.seen("test").tolist() == [review.text == "好！" for review in kept.splits["test"]]
    assert not data.seen("test").any()


@pytest.mark.parametrize("empty", ["train", "validation"])
def test_a_split_of_which_nothing_is_left_is_one_line(tmp_path, empty):
    write(tmp_path, "review,label\n好,1\n差,0\n" + ("" if empty == "train" else "不错,1\n很差,0\n"))
    write(tmp_path, "review,label\n好！,1\n", "validation.csv")
    write(tmp_path, "review,label\n差。,0\n" + ("" if empty == "train" else "好,1\n"), "test.csv")
    with pytest.raises(UserError, match=f"found no text of {empty} that stands once"):
        read_data(configuration(validation="validation.csv", test="test.csv"), tmp_path)


def test_a_test_file_beside_the_projects_own_reviews_is_read(tmp_path):
    write(tmp_path, "review,label,cat\n好,1,手机\n差,0,手机\n", "test.csv")
    fields = {"train": "embedded", "test": "test.csv"}
    data = read_data(build(Config, {"task": "sentiment", "data": fields}, "test"), tmp_path)
    assert {review.text for review in data.splits["test"]} == {"好", "差"}


def test_labels_are_numbers_or_words_of_any_number(tmp_path):
    write(tmp_path, "review,label\n" + "\n".join(f"评论{i},{10 - i % 3}" for i in range(30)))
    assert read_data(configuration(), tmp_path).classes == ("8", "9", "10")
    write(tmp_path, "review,label\n" + "\n".join(f"评论{i},{'好中差'[i % 3]}" for i in range(30)))
    assert set(read_data(configuration(), tmp_path).classes) == {"好", "中", "差"}
    assert read_data(configuration(classes=["差", "中", "好"]), tmp_path).classes == ("差", "中", "好")


def test_numbers_written_in_two_ways_have_one_order(tmp_path):
    labels = ["1", "01", "1.0", "0", "00", "1.00", "0.0"]
    for order in (labels, labels[::-1]):
        write(tmp_path, "review,label\n" + "\n".join(f"评论{i},{order[i % 7]}" for i in range(200)))
        found = read_data(configuration(), tmp_path).classes
        assert found == ("0", "0.0", "00", "01", "1", "1.0", "1.00")


def test_draws_are_nested_by_size_and_differ_by_seed(tmp_path):
    write(tmp_path, "review,label\n" + "\n".join(f"评论{i},{i % 2}" for i in range(60)))

    def drawn(size: int, seed: int = 0) -> set[str]:
        data = read_data(configuration(train_size=size, seed=seed), tmp_path)
        return {review.text for review in data.splits["train"]}

    assert drawn(10) < drawn(30) < drawn(58)
    assert drawn(10, seed=1) != drawn(10)


def test_a_class_that_is_split_off_whole_is_named_with_its_line(tmp_path):
    rows = [f"评论{i},{'好差'[i % 2]}" for i in range(40)]
    shares = {"test_size": None, "validation_size": None, "test_share": 0.6, "validation_share": 0.2}
    config = configuration(**shares)
    write(tmp_path, "review,label\n" + "\n".join(rows))
    split_off = [r.text for name in ("test", "validation") for r in read_data(config, tmp_path).splits[name]]
    rows = [row.split(",")[0] + ",中" if row.split(",")[0] in split_off[:3] else row for row in rows]
    write(tmp_path, "review,label\n" + "\n".join(rows))
    with pytest.raises(UserError, match="line .*found the label '中' in .*too few texts have it"):
        read_data(config, tmp_path)


def test_an_error_names_the_file_that_the_split_was_read_from(tmp_path):
    write(tmp_path, "review,label\n好,1\n差,0\n很好,1\n真差,0\n")
    write(tmp_path, "review,label\n不错,1\n凑合,2\n", "validation.csv")
    with pytest.raises(UserError, match="validation.csv: line 3: found the label '2' in validation"):
        read_data(configuration(validation="validation.csv"), tmp_path)


def test_a_group_that_no_row_has_is_one_line(tmp_path):
    write(tmp_path, "review,label,cat\n好,1,水果\n差,0,手机\n")
    message = "data.groups: found no row whose cat is '手鸡', expected some of 水果, 手机"
    with pytest.raises(UserError, match=message):
        read_data(configuration(group_column="cat", groups=["水果", "手鸡"]), tmp_path)


@pytest.mark.parametrize("names", ["positive tired", "negative macro"])
def test_classes_whose_metrics_would_overwrite_others_are_refused(tmp_path, names):
    rows = [f"评论{i},{names.split()[i % 2]}" for i in range(60)]
    write(tmp_path, "review,label\n" + "\n".join(rows))
    with pytest.raises(UserError, match=r"found the classes .*, expected positive as the second of two"):
        read_data(configuration(), tmp_path)
    if "positive" in names:
        assert read_data(configuration(classes=["tired", "positive"]), tmp_path).classes[1] == "positive"


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


def test_a_reader_reads_a_file_once_for_all_draws_and_gives_what_reading_anew_does(tmp_path):
    rows = "".join(f"好评{n},1\n差评{n},0\n" for n in range(20))
    write(tmp_path, f"review,label\n{rows}")
    configurations = [
        configuration(train_size=size, seed=seed) for size, seed in ((9, 0), (9, 1), ("all", 0))
    ]
    expected = [read_data(config, tmp_path) for config in configurations]
    reader = DataReader(tmp_path)
    found = [reader.read(configurations[0])]
    (tmp_path / "reviews.csv").unlink()
    found += [reader.read(config) for config in configurations[1:]]
    assert found == expected and found[0] != found[1]
    with pytest.raises(
        UserError, match="reviews.csv: data.train_size: found 99, expected at most 38, or all"
    ):
        reader.read(configuration(train_size=99))
    with pytest.raises(UserError, match="reviews.csv: no such file"):
        reader.read(configuration(train_size=9, duplicates="keep"))


def test_real_splits_are_golden(data_root):
    config = build(Config, {"task": "sentiment"}, "test")
    data = read_data(config, data_root)
    assert {name: (len(reviews), split_hash(reviews)[:16]) for name, reviews in data.splits.items()} == {
        "train": (3000, "5234ed10a51da925"),
        "validation": (1000, "42cb7bc6b97db178"),
        "test": (5000, "f3e90fee8af4a1a7"),
    }
    config.data.train_size = "all"
    assert len(read_data(config, data_root).splits["train"]) == 38702


@pytest.mark.parametrize(("size", "expected"), [(500, 0.884), (1000, 0.907), (3000, 0.928)])
def test_logistic_regression_on_the_splits_is_as_accurate_as_known(data_root, size, expected):
    """TF-IDF of character 1-3-grams, mean of three draws; it checks the splits, not the classifier."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    accuracies, reader = [], DataReader(data_root)
    for seed in range(3):
        fields = {"train_size": size, "seed": seed}
        data = reader.read(build(Config, {"task": "sentiment", "data": fields}, "test"))
        train, test = data.splits["train"], data.splits["test"]
        features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
        known = features.fit_transform(r.text for r in train)
        model = LogisticRegression(C=10, max_iter=1000).fit(known, [r.label for r in train])
        accuracies.append(model.score(features.transform(r.text for r in test), [r.label for r in test]))
    assert sum(accuracies) / 3 == pytest.approx(expected, abs=0.007)
