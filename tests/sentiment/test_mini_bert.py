"""The encoders that the repository carries."""

import csv
from pathlib import Path

import pytest
from paddlenlp.transformers import BertTokenizer
from tokenizers import Tokenizer

from tasks.sentiment.encoder_folder import CARRIED, check_weights
from tasks.sentiment.weights import load_encoder
from tests.conftest import ROOT
from tests.sentiment.encoder_folders import paddle_folder
from tests.sentiment.pretraining.small_pretraining import small_trainer

NAME = "mini-bert-zh"
FOLDER = CARRIED[NAME]
FILES = {
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
}


def embedded_reviews() -> list[str]:
    with open(ROOT / "tasks/sentiment/reviews.csv", encoding="utf-8") as file:
        return [row["review"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("folder", CARRIED.values(), ids=list(CARRIED))
def test_it_is_complete_and_takes_at_most_12_megabytes(folder):
    assert {file.name for file in folder.iterdir()} == FILES
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 12e6


def test_the_causal_one_has_the_vocabulary_of_the_other():
    assert (CARRIED["mini-bert-zh-causal"] / "vocab.txt").read_bytes() == (FOLDER / "vocab.txt").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_the_causal_one_guesses_the_next_tokens_of_reviews_that_it_has_never_seen(tmp_path):
    overrides = {
        "objective": "clm",
        "data": {"decontaminate": [], "held_out": 60, "max_length": 128},
        "model": {"weights": "mini-bert-zh-causal"},
    }
    trainer = small_trainer(tmp_path / "run", tmp_path / "cache", overrides)
    trainer.task.model.eval()
    metrics, _ = trainer.task.evaluate_split("validation")
    # It reaches 0.27 and 88; without learning, 0.0 and 248.
    assert metrics["next_token_accuracy"] > 0.2
    assert metrics["perplexity"] < 120


def test_its_name_is_enough_in_any_folder_and_a_folder_on_disk_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_weights(NAME, 128)
    carried, _ = load_encoder(NAME, Path("assets"), 128)
    assert carried.config.num_hidden_layers == 4
    own = paddle_folder(Path(NAME), "bert")
    found, _ = load_encoder(NAME, Path("own"), 60)
    assert found.config.num_hidden_layers == own.config.num_hidden_layers == 2


def test_paddlenlp_and_hugging_face_read_the_same_tokens():
    ours = BertTokenizer.from_pretrained(str(FOLDER))
    theirs = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    texts = [*embedded_reviews(), "iPhone 13Pro用了3天😀，𠮷野家 ＡＢＣ…", "", "  很 好\t!"]
    assert [ours(text)["input_ids"] for text in texts] == [theirs.encode(text).ids for text in texts]


@pytest.mark.filterwarnings("ignore")
def test_it_guesses_hidden_words_of_reviews_that_it_has_never_seen(tmp_path):
    overrides = {
        "data": {"decontaminate": [], "held_out": 60, "max_length": 128},
        "model": {"weights": NAME},
    }
    trainer = small_trainer(tmp_path / "run", tmp_path / "cache", overrides)
    trainer.task.model.eval()
    metrics, _ = trainer.task.evaluate_split("validation")
    # Without learning, the commonest token is right in 0.06 of the places, and the perplexity is 800.
    assert metrics["masked_accuracy"] > 0.2
    assert metrics["perplexity"] < 120
