"""Fields of a pretraining configuration."""

from dataclasses import field
from typing import List, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT, Optim, Train


@dataclass(config=STRICT)
class Stage:
    """Corpora that are gone through together, so many times."""

    corpora: List[str] = Field(min_length=1)
    passes: float = Field(1.0, gt=0)


@dataclass(config=STRICT)
class Data:
    """Which texts are read, which of them are left out, and how they become tokens."""

    stages: List[Stage] = Field(
        min_length=1,
        description="list of {corpora: [...], passes: N}, gone through in order; a corpus is a TXT file with "
        "a text a line or a CSV, TSV or JSONL file, below the data root or elsewhere, or the training texts "
        "of a set known by name: online_shopping, online_shopping_other, chnsenticorp, embedded",
    )
    text_column: str = Field("text", description="column of the texts in CSV, TSV and JSONL files")
    decontaminate: List[str] = Field(
        default_factory=list,
        description="sets known by name, whose validation and test texts are kept out of the corpus, "
        "or files, all of whose texts are",
    )
    vocabulary_size: int = Field(
        7000, ge=300, le=60000, description="tokens of a vocabulary made from the corpus"
    )
    max_length: int = Field(
        64, ge=8, le=512, description="tokens of a piece; longer texts are cut, at the end of a sentence"
    )
    held_out: int = Field(
        2000, ge=1, description="texts that measure progress, chosen by hash; at most a tenth of all"
    )
    tokens_per_batch: int = Field(
        4096, ge=64, description="tokens an update, padding and special tokens among them"
    )
    cache: str = Field(
        "runs/corpora", description="folder that keeps the prepared corpus for this run and for others"
    )


@dataclass(config=STRICT)
class Config:
    """A pretraining run."""

    task: Literal["sentiment_pretraining"]
    data: Data
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
