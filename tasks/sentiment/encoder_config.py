"""Fields of an encoder: where its weights come from, or how large one from scratch is."""

from typing import Optional

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT

# Of an encoder from scratch.
SIZES = {"layers": 4, "hidden_size": 256, "heads": 4}


@dataclass(config=STRICT)
class Encoder:
    """Weights or sizes; sizes that are not given are those of :data:`SIZES`, and null beside weights."""

    weights: Optional[str] = Field(
        None,
        description="BERT, RoBERTa or ERNIE with safetensors: a PaddleNLP or Hugging Face folder, the "
        "repository's mini-bert-zh, or a hub's name; from scratch if null",
    )
    layers: Optional[int] = Field(
        None, ge=1, description="transformer blocks of a model from scratch; 4 if null"
    )
    hidden_size: Optional[int] = Field(None, ge=8, description="its width; 256 if null")
    heads: Optional[int] = Field(
        None, ge=1, description="its attention heads, which divide the width; 4 if null"
    )

    def __post_init__(self):
        for name, usual in SIZES.items():
            found = getattr(self, name)
            if self.weights is not None and found is not None:
                raise ValueError(
                    f"model.{name}: found {found} beside model.weights {self.weights}, which has its own; "
                    "expected null, or --model.weights null to train from scratch"
                )
            if self.weights is None and found is None:
                setattr(self, name, usual)
        if self.weights is None and self.hidden_size % self.heads:
            raise ValueError(f"model.heads: found {self.heads}, expected a divisor of {self.hidden_size}")
