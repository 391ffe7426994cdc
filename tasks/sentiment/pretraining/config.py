"""Fields of a pretraining configuration."""

from dataclasses import field
from typing import List, Literal, Optional

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT, Optim, Train
from tasks.sentiment.encoder_folder import check_weights


@dataclass(config=STRICT)
class Stage:
    """Some corpora, mixed, as often as ``passes`` says."""

    corpora: List[str] = Field(min_length=1, description="files below the data root, or names (corpus.py)")
    passes: int = Field(1, ge=1, description="how often each text is read, masked anew each time")


@dataclass(config=STRICT)
class Data:
    """Which texts are read, in which order, and how they become batches."""

    stages: List[Stage] = Field(min_length=1, description="gone through in this order: general texts first")
    text_column: str = Field("text", description="column with the text, in CSV, TSV and JSONL files")
    decontaminate: bool = Field(
        True, description="leave out what stands, or nearly, in an evaluation text of the project"
    )
    held_out: int = Field(2000, ge=1, description="texts kept aside, by their hash, to measure on")
    vocabulary_size: int = Field(7000, ge=100, description="tokens, of a model from scratch")
    max_length: int = Field(128, ge=8, le=512, description="tokens; longer texts are cut at sentence ends")
    tokens_per_batch: int = Field(4096, ge=64, description="tokens an update, padding included")
    seed: int = Field(0, ge=0, description="order of the texts")


@dataclass(config=STRICT)
class Model:
    """The encoder."""

    weights: Optional[str] = Field(
        None, description="folder of an encoder to go on from, with its vocabulary; from scratch if null"
    )
    layers: int = Field(4, ge=1, description="transformer blocks of a model from scratch")
    hidden_size: int = Field(256, ge=8, description="its width")
    heads: int = Field(4, ge=1, description="its attention heads; they divide the width")
    dropout: float = Field(0.1, ge=0, lt=1, description="rate of the encoder's dropouts while pretraining")
    generator_layers: int = Field(
        1, ge=1, description="blocks of the generator that replaces tokens, on the encoder's embeddings"
    )

    def __post_init__(self):
        if self.weights is None and self.hidden_size % self.heads:
            raise ValueError(f"model.heads: found {self.heads}, expected a divisor of {self.hidden_size}")


@dataclass(config=STRICT)
class Objective:
    """What is learnt from the texts."""

    name: Literal["masked_tokens", "replaced_tokens"] = Field(
        "masked_tokens", description="BERT's, or ELECTRA's: which tokens has a small generator replaced"
    )
    masked_share: float = Field(0.15, gt=0, lt=1, description="share of tokens that are masked")
    whole_words: bool = Field(True, description="mask words, as jieba finds them, rather than characters")
    detection_weight: float = Field(
        50.0, gt=0, description="weight of the detection loss beside the generator's"
    )


@dataclass(config=STRICT)
class Config:
    """A pretraining run."""

    task: Literal["sentiment_pretraining"]
    data: Data
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
    model: Model = field(default_factory=Model)
    objective: Objective = field(default_factory=Objective)

    def check_files(self) -> None:
        """Refuse weights that cannot start a run."""
        if self.model.weights is not None:
            check_weights(self.model.weights, self.data.max_length)
