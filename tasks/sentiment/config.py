"""Fields of a sentiment configuration."""

from dataclasses import field
from typing import Annotated, List, Literal, Optional, Union

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT
from common.config_fields import Optim, Train
from tasks.sentiment.encoder_config import Encoder
from tasks.sentiment.encoder_folder import check_weights
from tasks.sentiment.known_sets import DEFAULTS, KNOWN_SETS

# Of texts that are test, and of texts that are validation.
SHARE = 0.15
SELECTION_METRIC = "f1_macro"
HEADLINE_METRICS = ("accuracy", "f1_macro", "f1_positive")


@dataclass(config=STRICT)
class Data:
    """Which reviews are read, and how they are split.

    Fields left at null take what belongs to the named set, or suits a file.
    """

    train: str = Field(
        "online_shopping",
        description="CSV, TSV or JSONL file below the data root or elsewhere, or a set known by name: "
        + ", ".join(KNOWN_SETS),
    )
    validation: Optional[str] = Field(
        None, description="file of the validation split; split off train if null"
    )
    test: Optional[str] = Field(None, description="file of the test split; split off train if null")
    text_column: Optional[str] = Field(None, description="column with the text; text if null")
    label_column: Optional[str] = Field(None, description="column with the label; label if null")
    group_column: Optional[str] = Field(
        None, description="column, such as a product category, by which results are told apart"
    )
    groups: Optional[List[str]] = Field(None, description="values of the group column to keep; all if null")
    classes: Optional[List[str]] = Field(
        None, description="labels in order, of two the second is positive; sorted if null"
    )
    test_share: float = Field(
        SHARE, gt=0, lt=1, description="share of texts split off as test, by their hash"
    )
    validation_share: float = Field(SHARE, gt=0, lt=1, description="the same for validation")
    test_size: Optional[int] = Field(None, ge=1, description="texts of test, instead of a share")
    validation_size: Optional[int] = Field(None, ge=1, description="texts of validation, instead of a share")
    train_size: Union[int, Literal["all"], None] = Field(
        None, description="texts drawn from the rest by data.seed, nested; or all"
    )
    duplicates: Optional[Literal["drop", "keep"]] = Field(
        None, description="texts that stand twice, with two labels, or in two splits; drop if null"
    )
    sampling: Literal["shuffled", "balanced"] = Field(
        "shuffled",
        description="an epoch is every text once, or as many draws that show each class equally often",
    )
    max_length: int = Field(128, ge=4, le=512, description="tokens; longer texts are cut")
    seed: int = Field(0, ge=0, description="which training texts are drawn")

    def __post_init__(self):
        known = KNOWN_SETS.get(self.train, {})
        for name, value in {**DEFAULTS, **known}.items():
            # A file stands for a split of the named set, whatever its size.
            file = {"test_size": self.test, "validation_size": self.validation}.get(name)
            if name != "path" and getattr(self, name) is None and file is None:
                setattr(self, name, value)
        if isinstance(self.train_size, int) and self.train_size < 1:
            raise ValueError(f"data.train_size: found {self.train_size}, expected at least 1, or all")
        if (self.test_size is None) != (self.validation_size is None) and not (self.test or self.validation):
            raise ValueError(
                "data.test_size, data.validation_size: found one of them, expected both or neither"
            )
        if self.groups is not None and self.group_column is None:
            raise ValueError("data.groups: found groups, but no data.group_column that they stand in")
        if self.text_column == self.label_column:
            expected = "expected another column than data.text_column"
            raise ValueError(f"data.label_column: found {self.label_column!r}, {expected}")
        if self.classes is not None and not 2 <= len(self.classes) == len(set(self.classes)):
            raise ValueError(f"data.classes: found {self.classes}, expected two labels or more, each once")
        self._refuse_overlap()
        for split in ("test", "validation"):
            self._refuse_split_beside_file(split)

    def _refuse_split_beside_file(self, split: str) -> None:
        file, unset = getattr(self, split), {"size": None, "share": SHARE}
        for kind, value in unset.items():
            found = getattr(self, f"{split}_{kind}")
            if file is not None and found != value:
                expected = f"expected nothing beside the file of data.{split}, {file}"
                raise ValueError(f"data.{split}_{kind}: found {found}, {expected}")

    def _refuse_overlap(self) -> None:
        files = [file for file in (self.train, self.validation, self.test) if file is not None]
        twice = next((file for file in files if files.count(file) > 1), None)
        if twice is not None:
            raise ValueError(f"data.validation, data.test: found {twice!r} twice, expected different files")
        shares = self.test_share + self.validation_share
        if len(files) == 1 and self.test_size is None and shares >= 1:
            raise ValueError(
                f"data.test_share, data.validation_share: found {shares:g} together, expected less than 1"
            )


@dataclass(config=STRICT)
class Model(Encoder):
    """The encoder and its head."""

    pooling: Literal["cls", "mean"] = Field(
        "cls", description="what the head reads: the pooled first token, or the mean over all tokens"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="rate on the input of the classifier")
    encoder_dropout: Optional[float] = Field(
        None, ge=0, lt=1, description="rate of the encoder's own dropouts; as published (0.1) if null"
    )

    frozen_layers: int = Field(
        0, ge=0, description="lowest layers that are not trained: the embeddings, then block by block"
    )

    def __post_init__(self):
        super().__post_init__()
        if self.weights is None:
            check_frozen_layers(self.frozen_layers, self.layers)


def check_frozen_layers(frozen: int, blocks: int) -> None:
    """Refuse to freeze more layers than an encoder of so many blocks has.

    Raises:
        ValueError: it names ``model.frozen_layers``.
    """
    if frozen > blocks + 1:
        raise ValueError(
            f"model.frozen_layers: found {frozen}, expected at most {blocks + 1}: "
            f"the embeddings and {blocks} blocks"
        )


@dataclass(config=STRICT)
class Loss:
    """What is minimised."""

    class_weights: Union[List[Annotated[float, Field(gt=0)]], Literal["balanced"], None] = Field(
        None, description="factor on the loss of each class, in order; balanced is 1 / (classes x share)"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of a label that is spread evenly over all classes"
    )
    r_drop: float = Field(
        0.0, ge=0, description="weight of the divergence between two passes with other dropout; 0 is off"
    )


@dataclass(config=STRICT)
class Config:
    """A sentiment run."""

    task: Literal["sentiment"]
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    loss: Loss = field(default_factory=Loss)

    def __post_init__(self):
        if self.loss.r_drop and self.model.dropout == 0 and self.model.encoder_dropout == 0:
            raise ValueError(
                f"loss.r_drop: found {self.loss.r_drop:g} without any dropout, where both passes are equal; "
                "expected model.dropout or model.encoder_dropout above 0"
            )

    def check_files(self) -> None:
        """Refuse weights that cannot start a run."""
        if self.model.weights is not None:
            check_weights(self.model.weights, self.data.max_length)
