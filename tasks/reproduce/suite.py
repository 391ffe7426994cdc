"""Fields of a suite: which runs are made, and which claims they are to test."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, Optional, Union

from pydantic import Field
from pydantic.dataclasses import dataclass

from common import config as configuration
from common.config import STRICT, nearest
from common.errors import UserError

Split = Literal["validation", "test"]
Seeds = Union[Annotated[int, Field(ge=1)], List[Annotated[int, Field(ge=0)]]]
Name = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]


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
    fields: Dict[str, List[Any]] = Field(min_length=1, description="values to try by dotted name")
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
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds


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


@dataclass(config=STRICT)
class Sources:
    """Runs from which the spread of the draw of the data and that of the rest are told apart.

    Each regime fixes ``data.seed``; the seeds of its runs then vary all else.
    """

    arms: List[str]
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


PARTS = {
    "arms": Arm,
    "sweeps": Sweep,
    "regimes": Regime,
    "groups": Group,
    "claims": Claim,
    "sources": Sources,
}


def read_suite(file: Path) -> Suite:
    """The suite in a YAML file.

    Raises:
        UserError: the file, a key or a value is wrong, or a name stands for nothing.
    """
    values = configuration.read_yaml(file)
    for section, kind in PARTS.items():
        # Each part by itself, so that a message names the nearest key of the part.
        for name, part in _parts(values.get(section)):
            if isinstance(part, dict):
                configuration.build(kind, part, f"{file}: {section}.{name}")
    suite = configuration.build(Suite, values, str(file))
    _check_names(suite, file)
    return suite


def _parts(section: Any) -> Iterable:
    if isinstance(section, dict):
        return section.items()
    return enumerate(section, start=1) if isinstance(section, list) else ()


def _check_names(suite: Suite, file: Path) -> None:
    trials = [name for key, sweep in suite.sweeps.items() for name in sweep.arms(key)]
    arms = [*suite.arms, *trials]
    twice = next((name for name in [*arms, *suite.sweeps] if [*arms, *suite.sweeps].count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{file}: arms, sweeps: found the name {twice} twice, expected each once")
    best = [f"{name}_best" for name in (suite.confirmation.sweeps if suite.confirmation else ())]
    articles = {"arm": "an", "regime": "a", "sweep": "a"}
    known = {"arm": [*arms, *best], "regime": list(suite.regimes), "sweep": list(suite.sweeps)}

    def require(where: str, kind: str, *names: str) -> None:
        for name in names:
            if name not in known[kind]:
                near = (
                    "; the nearest is " + nearest(name, known[kind]) if known[kind] else ", and there is none"
                )
                raise UserError(
                    f"{file}: {where}: found {name!r}, expected the name of {articles[kind]} {kind}{near}"
                )

    for number, group in enumerate(suite.groups, start=1):
        require(f"groups.{number}.arms", "arm", *(a for a in group.arms if a not in suite.sweeps))
        require(f"groups.{number}.regime", "regime", group.regime)
    for number, claim in enumerate(suite.claims, start=1):
        require(f"claims.{number}", "arm", claim.baseline, claim.arm)
        require(f"claims.{number}.regime", "regime", claim.regime)
    for number, source in enumerate(suite.sources, start=1):
        require(f"sources.{number}.arms", "arm", *source.arms)
        require(f"sources.{number}.regimes", "regime", *source.regimes)
    require("baselines", "arm", *suite.baselines)
    if suite.confirmation:
        require("confirmation.sweeps", "sweep", *suite.confirmation.sweeps)
        require("confirmation.regime", "regime", suite.confirmation.regime)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
