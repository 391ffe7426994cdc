"""Fields of a sentiment configuration."""

from dataclasses import field
from pathlib import Path
from typing import List, Literal, Optional

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT, Optim, Train
from tasks.sentiment.bert_folder import check_bert_folder

SELECTION_METRIC = "f1_macro"
HEADLINE_METRICS = ("accuracy", "f1_macro", "f1_positive")


@dataclass(config=STRICT)
class Data:
    """Which reviews are read, and how they are split."""

    train: str = Field(
        "sentiment/online_shopping_10_cats.csv",
        description="CSV below the data root or elsewhere, or 'embedded': the project's own reviews",
    )
    text_column: str = Field("review", description="column with the text")
    label_column: str = Field("label", description="column with the label")
    group_column: Optional[str] = Field("cat", description="column that data.groups selects by")
    groups: Optional[List[str]] = Field(
        None, description="values of the group column to keep; all by default"
    )
    test_size: int = Field(5000, ge=1, description="texts of the test split")
    validation_size: int = Field(1000, ge=1, description="texts of the validation split")
    train_size: Optional[int] = Field(
        3000, ge=1, description="texts drawn from the rest by data.seed, nested; all if null"
    )
    max_length: int = Field(128, ge=4, le=512, description="tokens; longer texts are cut")
    seed: int = Field(0, ge=0, description="which training texts are drawn")


@dataclass(config=STRICT)
class Model:
    """The encoder and its head."""

    weights: Optional[str] = Field(
        None, description="PaddleNLP or Hugging Face BERT folder with safetensors; from scratch if null"
    )
    layers: int = Field(4, ge=1, description="transformer blocks of a model from scratch")
    hidden_size: int = Field(256, ge=8, description="its width")
    heads: int = Field(4, ge=1, description="its attention heads; they divide the width")
    pooling: Literal["cls", "mean"] = Field(
        "cls", description="what the head reads: the pooled first token, or the mean over all tokens"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="rate on the input of the classifier")
    encoder_dropout: Optional[float] = Field(
        None, ge=0, lt=1, description="rate of the encoder's own dropouts; as published (0.1) if null"
    )

    def __post_init__(self):
        if self.weights is None and self.hidden_size % self.heads:
            raise ValueError(f"model.heads: found {self.heads}, expected a divisor of {self.hidden_size}")


@dataclass(config=STRICT)
class Config:
    """A sentiment run."""

    task: Literal["sentiment"]
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)

    def check_files(self) -> None:
        """Refuse weights that cannot start a run."""
        if self.model.weights is not None:
            check_bert_folder(Path(self.model.weights), self.data.max_length)
