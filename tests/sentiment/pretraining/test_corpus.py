"""Corpora: what is read, left out, counted and kept."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from common.config import build
from common.errors import UserError
from tasks.sentiment import data as labelled
from tasks.sentiment.config import Config as LabelledConfig
from tasks.sentiment.pretraining.config import Config
from tasks.sentiment.pretraining.data import read_data
from tasks.sentiment.pretraining.decontamination import normalise, text_hash
from tasks.sentiment.pretraining.preparation import prepare
from tests.sentiment.encoder_folders import hugging_face_folder


@pytest.fixture(scope="module")
def splits():
    values = {"task": "sentiment", "data": {"train": "embedded", "train_size": "all"}}
    return labelled.read_data(build(LabelledConfig, values, "test"), "").splits


def configuration(folder, corpora=("embedded",), **data) -> Config:
    stages = [{"corpora": list(corpora)}]
    values = {"stages": stages, "cache": str(folder / "cache"), "vocabulary_size": 900, **data}
    return build(Config, {"task": "sentiment_pretraining", "data": values}, "test")


def token_pieces(data) -> list[np.ndarray]:
    return np.split(data.tokens, data.bounds[1:-1])


def pieces(data) -> list[str]:
    return ["".join(data.vocabulary[token] for token in piece) for piece in token_pieces(data)]


def test_a_known_set_gives_its_training_texts_alone(tmp_path, splits):
    data = read_data(configuration(tmp_path), tmp_path)
    counts = data.counts()["corpora"]["embedded"]
    assert counts["read"] == len(splits["train"]) == counts["kept"] + counts["duplicate"]
    assert counts["pieces"] == len(data.corpora) and counts["tokens"] == len(data.tokens)


def test_evaluation_texts_are_left_out_counted_and_named_by_hash(tmp_path, splits):
    test, validation = (splits[name][0].text for name in ("test", "validation"))
    lines = [f"自己写的第{n}句话" for n in range(40)]
    planted = [test + "！", "前面" * 8 + validation if len(normalise(validation)) >= 20 else validation]
    (tmp_path / "own.txt").write_text("\n".join([*lines, "", "……", lines[0], *planted]), encoding="utf-8")
    data = read_data(configuration(tmp_path, ["own.txt"], decontaminate=["embedded"]), tmp_path)
    counts = data.counts()["corpora"]["own.txt"]
    assert counts["read"] == 44 and counts["empty"] == 1 and counts["duplicate"] == 1
    assert counts["equal"] + counts["shared run"] + counts["similar"] == 2 and counts["kept"] == 40
    removed = pd.read_csv(data.folder / "removed_texts.csv")
    assert set(removed["sha256"]) == {text_hash(normalise(text)) for text in planted}
    assert not any(test[:6] in piece for piece in pieces(data))


def test_a_tenth_at_most_is_held_out_and_stays_when_texts_are_added(tmp_path):
    def held_out(number: int) -> set[str]:
        (tmp_path / "own.txt").write_text("\n".join(f"第{n}句话" for n in range(number)), encoding="utf-8")
        data = read_data(configuration(tmp_path, ["own.txt"]), tmp_path)
        return {text for text, out in zip(pieces(data), data.held_out) if out}

    few, more = held_out(200), held_out(220)
    assert len(few) == 20 and len(more) == 22
    assert len(few & more) >= 15


def test_pieces_have_room_for_the_special_tokens(tmp_path):
    (tmp_path / "own.txt").write_text(
        "\n".join(f"{n}句" + "很好。" * 40 for n in range(20)), encoding="utf-8"
    )
    data = read_data(configuration(tmp_path, ["own.txt"], max_length=16), tmp_path)
    lengths = np.diff(data.bounds)
    assert lengths.max() <= 14 and lengths.sum() == len(data.tokens)


def test_a_piece_of_nothing_but_unknown_characters_is_left_out(tmp_path):
    lines = [*(f"第{n}句话" for n in range(100)), "龘"]
    (tmp_path / "own.txt").write_text("\n".join(lines), encoding="utf-8")
    data = read_data(configuration(tmp_path, ["own.txt"], vocabulary_size=300), tmp_path)
    assert "龘" in data.vocabulary and len(data.corpora) == 101
    (tmp_path / "own.txt").write_text(
        "\n".join([*lines, "".join(map(chr, range(0x4E00, 0x4F00)))]), encoding="utf-8"
    )
    data = read_data(configuration(tmp_path, ["own.txt"], vocabulary_size=300), tmp_path)
    unknown = data.vocabulary.index("[UNK]")
    assert all((piece != unknown).any() for piece in token_pieces(data))


def test_texts_of_which_a_given_vocabulary_knows_nothing_are_refused(tmp_path):
    bert = tmp_path / "bert"
    bert.mkdir()
    hugging_face_folder(bert, "bert")
    (tmp_path / "own.txt").write_text("\n".join("龘" * n for n in range(1, 30)), encoding="utf-8")
    config = configuration(tmp_path, ["own.txt"])
    config.model.weights = str(bert)
    with pytest.raises(UserError, match="data.stages: found 0 pieces of texts with a token of the voc"):
        read_data(config, tmp_path)


def test_own_tables_are_read_by_their_text_column(tmp_path):
    rows = "\n".join(f"第{n}条评论,x" for n in range(20))
    (tmp_path / "own.csv").write_text("评论,其他\n" + rows, encoding="gb18030")
    (tmp_path / "own.jsonl").write_text(
        "\n".join(json.dumps({"评论": f"第{n}条"}) for n in range(20)), encoding="utf-8"
    )
    data = read_data(configuration(tmp_path, ["own.csv", "own.jsonl"], text_column="评论"), tmp_path)
    assert [counts["kept"] for counts in data.counts()["corpora"].values()] == [20, 20]


def test_a_prepared_corpus_is_read_again_and_another_one_is_prepared_for_other_fields(tmp_path):
    first = read_data(configuration(tmp_path), tmp_path)
    stamp = (first.folder / "corpus.json").stat().st_mtime_ns
    again = read_data(configuration(tmp_path, tokens_per_batch=100), tmp_path)
    assert again.hash() == first.hash() and (again.folder / "corpus.json").stat().st_mtime_ns == stamp
    assert read_data(configuration(tmp_path, max_length=20), tmp_path).hash() != first.hash()
    assert not list((tmp_path / "cache").glob("*.partial"))


def test_a_damaged_prepared_corpus_is_refused_and_prepared_anew_once_it_is_removed(tmp_path):
    (tmp_path / "own.txt").write_text("\n".join(f"第{n}句话" for n in range(40)), encoding="utf-8")
    config = configuration(tmp_path, ["own.txt"])
    folder = read_data(config, tmp_path).folder
    for damage in (lambda file: file.write_bytes(file.read_bytes()[:90]), lambda file: file.unlink()):
        damage(folder / "tokens.npy")
        with pytest.raises(UserError, match=f"{folder}: cannot be read.*without the folder it is prepared"):
            read_data(config, tmp_path)
    shutil.rmtree(folder)
    assert len(read_data(config, tmp_path).bounds) == 41


def test_a_list_of_no_removed_texts_is_a_table_too(tmp_path):
    (tmp_path / "own.txt").write_text("\n".join(f"第{n}句话" for n in range(40)), encoding="utf-8")
    folder = read_data(configuration(tmp_path, ["own.txt"]), tmp_path).folder
    assert list(pd.read_csv(folder / "removed_texts.csv")) == ["corpus", "rule", "sha256"]


def test_of_two_at_once_one_prepares_and_the_other_waits(tmp_path, monkeypatch):
    (tmp_path / "own.txt").write_text("\n".join(f"第{n}句话" for n in range(40)), encoding="utf-8")
    started = []

    def counted(*arguments):
        started.append(arguments)
        time.sleep(0.2)
        return prepare(*arguments)

    monkeypatch.setattr("tasks.sentiment.pretraining.data.prepare", counted)
    with ThreadPoolExecutor(2) as threads:
        found = list(
            threads.map(lambda _: read_data(configuration(tmp_path, ["own.txt"]), tmp_path), range(2))
        )
    assert len(started) == 1 and (found[0].tokens == found[1].tokens).all()


def test_more_passes_than_can_be_planned_are_refused():
    data = {"stages": [{"corpora": ["own.txt"], "passes": 1e9}]}
    with pytest.raises(UserError, match="data.stages.0.passes: found 1000000000.0, expected at most 1000"):
        build(Config, {"task": "sentiment_pretraining", "data": data}, "test")


def mistakes(folder):
    (folder / "empty.txt").write_text("\n \n", encoding="utf-8")
    (folder / "few.txt").write_text("一\n二\n", encoding="utf-8")
    (folder / "a.pdf").write_text("x")
    (folder / "bytes.txt").write_bytes(b"good\n\xff\xff\xff\n")
    (folder / "own.csv").write_text("text,a\n好,1\n", encoding="utf-8")
    (folder / "many.txt").write_text("\n".join([*(f"第{n}句话" for n in range(40)), "……"]), encoding="utf-8")
    return {
        "missing": ({"corpora": ["missing.txt"]}, "missing.txt: no such file; expected"),
        "misspelt set": ({"corpora": ["online_shoping"]}, "or one of online_shopping, chnsenticorp"),
        "empty": ({"corpora": ["empty.txt"]}, "empty.txt: found no text"),
        "few": ({"corpora": ["few.txt"]}, "found 2 different texts, too few"),
        "ending": ({"corpora": ["a.pdf"]}, "found the ending '.pdf', expected one of .txt, .csv"),
        "bytes": ({"corpora": ["bytes.txt"]}, "bytes.txt: line 2: found bytes that are neither"),
        "column": ({"corpora": ["own.csv"], "text_column": "b"}, "data.text_column: found no column 'b'"),
        "evaluation": ({"decontaminate": ["missing.csv"]}, "missing.csv: no such file"),
        "folder": ({"corpora": ["."]}, "found a folder, expected . to be a text file"),
        "given away": (
            {"corpora": ["many.txt"], "decontaminate": ["many.txt"]},
            "found 0 different texts, too few to hold some of them out, expected at least 10; "
            "of 41 read, left out 1 empty, 40 equal",
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("missing", "misspelt set", "empty", "few", "ending", "bytes", "column", "evaluation"),
        *("folder", "given away"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_kept(name, tmp_path):
    fields, expected = mistakes(tmp_path)[name]
    with pytest.raises(UserError, match=r".*") as error:
        read_data(configuration(tmp_path, **fields), tmp_path)
    assert expected in str(error.value) and "\n" not in str(error.value)
    assert {file.suffix for file in (tmp_path / "cache").glob("*")} <= {".lock"}
