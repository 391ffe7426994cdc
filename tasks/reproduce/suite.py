"""Fields of a suite: which runs are made, and which claims they are to test."""

import itertools
from typing import Annotated, Any, Dict, List, Literal, Optional, Union

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT

Split = Literal["validation", "test"]
Seeds = Union[Annotated[int, Field(ge=1)], Annotated[List[Annotated[int, Field(ge=0)]], Field(min_length=1)]]
NAME = r"\w[\w.-]*"
Name = Annotated[str, Field(pattern=f"^{NAME}$")]


@dataclass(config=STRICT)
class Arm:
    """One recipe."""

    config: str = Field(description="configuration file, relative to the suite's")
    overrides: Dict[str, Any] = Field(
        default_factory=dict, description="fields by dotted name, beyond the regime's"
    )


@dataclass(config=STRICT)
class Sweep:
    """An arm for every combination of some fields' values, named NAME_VALUE_VALUE."""

    config: str = Field(description="configuration file, relative to the suite's")
    fields: Dict[str, Annotated[List[Any], Field(min_length=1)]] = Field(
        min_length=1, description="values to try by dotted name"
    )
    overrides: Dict[str, Any] = Field(default_factory=dict, description="as of an arm")

    def arms(self, name: str) -> Dict[str, Arm]:
        """Each trial by its name."""
        trials = [dict(zip(self.fields, values)) for values in itertools.product(*self.fields.values())]
        return {
            "_".join([name, *map(_short, trial.values())]): Arm(self.config, {**self.overrides, **trial})
            for trial in trials
        }


@dataclass(config=STRICT)
class Regime:
    """How much there is to learn from, and how long."""

    steps: int = Field(ge=1, description="updates of every run")
    seconds_per_step: float = Field(gt=0, description="measured; what hours are estimated from")
    overrides: Dict[str, Any] = Field(default_factory=dict, description="such as data.train_size")


@dataclass(config=STRICT)
class Group:
    """Runs of some arms in one regime, with the same seeds."""

    arms: List[str] = Field(min_length=1, description="names of arms or sweeps")
    regime: str = Field(description="name of a regime")
    seeds: Seeds = Field(description="how many, from 0 on, or which")
    splits: List[Literal["train", "validation", "test"]] = Field(
        default_factory=lambda: ["validation"], description="test is read once by every run that has it"
    )

    def numbers(self) -> List[int]:
        """The seeds."""
        return seed_numbers(self.seeds)


@dataclass(config=STRICT)
class Claim:
    """What the article says, as something that runs can confirm or deny."""

    text: str = Field(description="the claim in words")
    metric: str = Field()
    split: Split = Field()
    regime: str = Field()
    kind: Literal["difference", "spread_over_seeds", "spread_within_run"] = Field(
        "difference", description="of means, or a ratio of standard deviations"
    )
    better: Literal["higher", "lower"] = "higher"
    figure: Optional[float] = Field(
        None, gt=0, description="the gain claimed: 0.032 is 3.2 points, 0.4 of a spread 40 % less"
    )
    baseline: str = "baseline"
    arm: str = "regularized"


@dataclass(config=STRICT)
class Confirmation:
    """Each sweep's trial with the best mean validation metric, run once more with fresh seeds.

    Its arm is named SWEEP_best.
    """

    seeds: Seeds
    sweeps: List[str] = Field(min_length=1)
    regime: str = Field()
    splits: List[Split] = Field(default_factory=lambda: ["validation", "test"])

    def numbers(self) -> List[int]:
        """The seeds."""
        return seed_numbers(self.seeds)


@dataclass(config=STRICT)
class Sources:
    """Runs from which the spread of the draw of the data and that of the rest are told apart.

    Each regime fixes ``data.seed``; the seeds of its runs then vary all else.
    """

    arms: List[str] = Field(min_length=1)
    regimes: List[str] = Field(min_length=2)
    metric: str = Field()
    split: Split = "validation"


@dataclass(config=STRICT)
class Boards:
    """Synthetic boards drawn before the first run, for a suite that needs no data."""

    number: int = Field(ge=12)
    size: int = Field(ge=96)


@dataclass(config=STRICT)
class Suite:
    """Everything that one call of reproduce.py runs and tests."""

    title: str
    seconds_per_run: float = Field(gt=0, description="measured; what a run takes beside its updates")
    regimes: Dict[Name, Regime] = Field(min_length=1)
    groups: List[Group] = Field(min_length=1)
    arms: Dict[Name, Arm] = Field(default_factory=dict)
    sweeps: Dict[Name, Sweep] = Field(default_factory=dict)
    claims: List[Claim] = Field(default_factory=list)
    confirmation: Optional[Confirmation] = None
    sources: List[Sources] = Field(default_factory=list)
    baselines: List[str] = Field(
        default_factory=list, description="arms that all others of their task are compared with"
    )
    boards: Optional[Boards] = None
    note: str = Field("", description="what a reader must know, above the results")


def seed_numbers(seeds: Seeds) -> List[int]:
    """So many seeds from 0 on, or those that are listed."""
    return list(range(seeds)) if isinstance(seeds, int) else seeds


def best_name(sweep: str) -> str:
    """The arm of a sweep's best trial, run with fresh seeds."""
    return f"{sweep}_best"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
