"""Fields that the configurations of all tasks have: the optimizer with its regularization, and the loop."""

import re
from typing import Annotated, Literal, Optional

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT


@dataclass(config=STRICT)
class Rule:
    """Factors for the parameters whose whole structured name the pattern matches."""

    pattern: str = Field(description="regular expression, such as encoder[.]embeddings[.].*")
    weight_decay: float = Field(1.0, ge=0, description="factor on the decay")
    learning_rate: float = Field(1.0, ge=0, description="factor on the rate")

    def __post_init__(self):
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(
                f"optim.rules: found {self.pattern!r}, expected a regular expression: {error}"
            ) from None


@dataclass(config=STRICT)
class Optim:
    """Optimizer, its regularization, and the schedule of its rate."""

    name: Literal["adamw", "adam", "momentum", "sgd"] = Field(
        "adamw", description="adamw decays weights directly; the others add the L2 term to the gradient"
    )
    learning_rate: float = Field(1e-3, gt=0, description="peak rate, reached after warm-up")
    weight_decay: float = Field(
        0.0, ge=0, description="strength of the decay on weights; biases and norms are exempt"
    )
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="rate of a layer at depth k: times layer_decay^(n+1-k)"
    )
    weight_decay_layer_decay: float = Field(
        1.0, gt=0, le=1, description="decay of a layer at depth k: times this^(n+1-k)"
    )
    rules: list[Rule] = Field(
        default_factory=list, description="factors by structured name, the first match wins"
    )
    decay_embeddings: bool = Field(True, description="whether embedding tables are decayed")
    param_attr: Literal["respect", "override"] = Field(
        "respect", description="what the model's own ParamAttr says of rate and decay"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="used by momentum")
    clip_norm: float = Field(0.0, ge=0, description="global norm over all parameters; 0 is off")
    warmup: float = Field(0.0, ge=0, lt=1, description="share of all updates with a rising rate")
    schedule: Literal["constant", "linear", "cosine", "step"] = Field(
        "linear", description="course of the rate after warm-up; linear and cosine end at zero"
    )
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default_factory=lambda: [0.6, 0.9], description="shares of all updates where step multiplies the rate"
    )
    gamma: float = Field(0.1, gt=0, le=1, description="what step multiplies the rate by")
    explicit_l2: bool = Field(
        False, description="the decay as a penalty in the loss, clipped with it, not in the optimizer"
    )


@dataclass(config=STRICT)
class Loop:
    """Batches and machine of any training run."""

    accumulate: int = Field(1, ge=1, description="micro-batches an update is computed in")
    amp: Literal["off", "bf16", "fp16"] = Field("off", description="mixed precision, on GPUs only")
    device: str = Field("auto", pattern=r"^(auto|cpu|gpu(:\d+)?)$", description="auto, cpu, gpu or gpu:N")
    workers: int = Field(0, ge=0, description="processes that load data; 0 loads in the main one")
    seed: int = Field(0, ge=0, description="initialisation, order of samples, dropout")
    average_decay: float = Field(
        0.0, ge=0, lt=1, description="of the moving average of weights that is evaluated and kept; 0 is off"
    )
    evaluate_every: Optional[int] = Field(
        None, ge=1, description="updates between further evaluations, kept in evaluations.csv"
    )
    visualdl: bool = Field(False, description="write history for VisualDL too, into visualdl/ of the run")


@dataclass(config=STRICT)
class Train(Loop):
    """Length, batches and machine of a training run."""

    epochs: int = Field(10, ge=1, description="passes over the training data")
    steps: Optional[int] = Field(None, ge=1, description="updates of the weights, instead of epochs")
    batch_size: int = Field(32, ge=1, description="samples an update, over all processes")
    train_samples_evaluated: int = Field(
        0, ge=0, description="training samples evaluated with validation, to show the gap; 0 is none"
    )
