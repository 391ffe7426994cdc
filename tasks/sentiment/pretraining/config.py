"""Fields of a pretraining configuration."""

from dataclasses import field
from typing import List, Literal, Optional

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT
from common.config_fields import Loop, Optim
from common.errors import UserError
from tasks.sentiment.encoder_config import Encoder
from tasks.sentiment.encoder_folder import EncoderFolder, local_folder, read_encoder_folder
from tasks.sentiment.vocabulary import SPECIAL

# For comparisons; what each objective is selected by is in objectives.py.
SELECTION_METRIC = "masked_accuracy"
HEADLINE_METRICS = ("masked_accuracy", "next_token_accuracy", "perplexity")


@dataclass(config=STRICT)
class Stage:
    """Corpora that are gone through together, so many times."""

    corpora: List[str] = Field(min_length=1)
    # A plan of all passes is made before the first update, which more would not fit into memory.
    passes: float = Field(1.0, gt=0, le=1000)


@dataclass(config=STRICT)
class Data:
    """Which texts are read, which of them are left out, and how they become tokens."""

    stages: List[Stage] = Field(
        min_length=1,
        description="list of {corpora: [...], passes: N}, N at most 1000, gone through in order; a corpus is "
        "a TXT file with a text a line or a CSV, TSV or JSONL file, below the data root or elsewhere, or the "
        "training texts of a set known by name: online_shopping, online_shopping_other, chnsenticorp, "
        "embedded",
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
class Masking:
    """Which tokens are to be guessed, drawn anew in every pass, and what stands in their place."""

    rate: float = Field(0.15, gt=0, lt=1, description="share of the tokens that are to be guessed")
    whole_words: bool = Field(True, description="all tokens of a word together")
    masked: float = Field(0.8, ge=0, le=1, description="share of those that become [MASK]")
    random: float = Field(0.1, ge=0, le=1, description="share of those that become any token; the rest stays")

    def __post_init__(self):
        if self.masked + self.random > 1 + 1e-9:
            raise ValueError(
                f"masking.masked, masking.random: found {self.masked} and {self.random}, "
                "expected a sum of at most 1"
            )


@dataclass(config=STRICT)
class Model(Encoder):
    """The encoder."""

    weights: Optional[str] = Field(
        None,
        description="folder of a BERT with safetensors to go on from, with its vocabulary, or the "
        "repository's mini-bert-zh; none if null",
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="rate of the encoder's dropouts while pretraining")
    word_vectors: bool = Field(
        False, description="start the word embeddings from the corpus: PPMI of neighbouring tokens, by SVD"
    )

    def __post_init__(self):
        super().__post_init__()
        if self.weights is not None and self.word_vectors:
            raise ValueError("model.word_vectors: found true beside model.weights, expected one of them")


@dataclass(config=STRICT)
class Generator:
    """What fills masked tokens in for ``objective: rtd``; it is thrown away afterwards."""

    layers: int = Field(4, ge=1, description="its transformer blocks, on the encoder's embeddings")
    hidden_size: int = Field(64, ge=8, description="its width")
    heads: int = Field(1, ge=1, description="its attention heads; they divide the width")
    detection_weight: float = Field(
        50.0, gt=0, description="weight of the encoder's loss beside the generator's"
    )

    def __post_init__(self):
        if self.hidden_size % self.heads:
            raise ValueError(f"generator.heads: found {self.heads}, expected a divisor of {self.hidden_size}")


@dataclass(config=STRICT)
class Train(Loop):
    """Length, batches and machine of a pretraining run."""

    steps: Optional[int] = Field(None, ge=1, description="updates at most; all passes of all stages if null")
    updates_per_epoch: int = Field(
        500, ge=1, description="updates between two evaluations, each with a checkpoint"
    )


@dataclass(config=STRICT)
class Export:
    """The encoder that the run gives away, for ``train.py --model.weights``."""

    half_precision: bool = Field(True, description="weights as float16, in half the space")
    snapshot_every: int = Field(
        0, ge=0, description="epochs between encoders kept in snapshots/; 0 keeps only the last one"
    )


@dataclass(config=STRICT)
class Config:
    """A pretraining run."""

    task: Literal["sentiment_pretraining"]
    data: Data
    objective: Literal["mlm", "rtd", "clm"] = Field(
        "mlm",
        description="masked language modelling, ELECTRA's detection of replaced tokens, "
        "or causal language modelling: each token from those before it",
    )
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
    masking: Masking = field(default_factory=Masking)
    model: Model = field(default_factory=Model)
    generator: Generator = field(default_factory=Generator)
    export: Export = field(default_factory=Export)

    def check_files(self) -> None:
        """Refuse weights that cannot start a run."""
        self.encoder_folder()

    def encoder_folder(self) -> Optional[EncoderFolder]:
        """The encoder that the run goes on from, None for one from scratch.

        Raises:
            UserError: there is none in the folder, or it is no BERT with word pieces.
        """
        if self.model.weights is None:
            return None
        folder = local_folder(self.model.weights)
        if folder is None:
            raise UserError(f"model.weights: {self.model.weights}: no such folder, expected one with a BERT")
        found = read_encoder_folder(folder, self.data.max_length)
        if found.config["model_type"] != "bert":
            raise UserError(f"model.weights: {found.file}: found {found.config['model_type']}, expected bert")
        missing = [t for t in SPECIAL if t not in found.tokenizer.tokens]
        if missing:
            raise UserError(f"model.weights: {found.tokenizer.file}: found no {missing[0]}")
        return found
