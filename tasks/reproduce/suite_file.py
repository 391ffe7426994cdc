"""Suites as YAML files: reading one, and whether its parts fit together."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common import config as configuration
from common.config import nearest
from common.errors import UserError
from tasks.reproduce.cells import trials_of
from tasks.reproduce.suite import NAME, Arm, Claim, Group, Regime, Sources, Suite, Sweep, best_name

# Seeds by arm, regime and split.
Planned = dict[tuple[str, str, str], set[int]]
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
        UserError: the file, a key or a value is wrong, a name stands for nothing or for two things, or a
            claim is about runs that no group has.
    """
    values = configuration.read_yaml(file)
    if not PARTS.keys() & values.keys():
        parts = ", ".join(PARTS)
        raise UserError(f"{file}: found none of {parts}, expected a suite as configs/reproduce has them")
    for section, kind in PARTS.items():
        # Each part by itself, so that a message names the nearest key of the part.
        for name, part in _parts(values.get(section)):
            if isinstance(part, dict):
                configuration.build(kind, part, f"{file}: {section}.{name}")
    suite = configuration.build(Suite, values, str(file))
    _check_arms(suite, file)
    _check_names(suite, file)
    _check_seeds(suite, file)
    _check_cells(suite, file)
    planned = _planned(suite)
    _check_confirmation(suite, planned, file)
    for number, claim in enumerate(suite.claims, start=1):
        _check_claim(claim, planned, f"{file}: claims.{number}")
    for number, source in enumerate(suite.sources, start=1):
        _check_source(source, planned, f"{file}: sources.{number}")
    return suite


def _parts(section: Any) -> Iterable:
    if isinstance(section, dict):
        return section.items()
    return enumerate(section, start=1) if isinstance(section, list) else ()


def _best(suite: Suite) -> list[str]:
    return [best_name(sweep) for sweep in suite.confirmation.sweeps] if suite.confirmation else []


def _trials(suite: Suite) -> list[str]:
    return [trial for name, sweep in suite.sweeps.items() for trial in sweep.arms(name)]


def _check_arms(suite: Suite, file: Path) -> None:
    names = [*suite.arms, *_trials(suite), *suite.sweeps, *_best(suite)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{file}: arms, sweeps: found the name {twice} twice, expected each once")
    for name, sweep in suite.sweeps.items():
        asked, distinct = math.prod(map(len, sweep.fields.values())), len(sweep.arms(name))
        if distinct < asked:
            raise UserError(
                f"{file}: sweeps.{name}.fields: found {asked} trials with {distinct} names, expected a name "
                "for each: no value twice, and no two that are alike in six digits"
            )
    # A name is a folder's too.
    wrong = next((name for name in _trials(suite) if not re.fullmatch(NAME, name)), None)
    if wrong is not None:
        raise UserError(
            f"{file}: sweeps: found a trial named {wrong!r}, expected values of letters, digits, '.', '-'"
        )


def _check_names(suite: Suite, file: Path) -> None:
    arms = [*suite.arms, *_trials(suite)]
    known = {"arm": arms, "regime": list(suite.regimes), "sweep": list(suite.sweeps)}
    known["arm or sweep"] = [*arms, *suite.sweeps]
    known["arm"] = [*arms, *_best(suite)]

    def require(where: str, kind: str, *names: str) -> None:
        for name in names:
            if name not in known[kind]:
                near = (
                    "; the nearest is " + nearest(name, known[kind]) if known[kind] else ", and there is none"
                )
                article = "an" if kind.startswith("arm") else "a"
                raise UserError(
                    f"{file}: {where}: found {name!r}, expected the name of {article} {kind}{near}"
                )

    for number, group in enumerate(suite.groups, start=1):
        require(f"groups.{number}.arms", "arm or sweep", *group.arms)
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


def _check_seeds(suite: Suite, file: Path) -> None:
    plans = {f"groups.{number}": group for number, group in enumerate(suite.groups, start=1)}
    if suite.confirmation:
        plans["confirmation"] = suite.confirmation
    for place, plan in plans.items():
        twice = [seed for seed, times in Counter(plan.numbers()).items() if times > 1]
        if twice:
            raise UserError(f"{file}: {place}.seeds: found {twice[0]} twice, expected each seed once")


def _planned(suite: Suite) -> Planned:
    found: Planned = {}
    parts = [
        (trials_of(suite, arm), group.regime, group.splits, group.numbers())
        for group in suite.groups
        for arm in group.arms
    ]
    if plan := suite.confirmation:
        parts.append((_best(suite), plan.regime, plan.splits, plan.numbers()))
    for arms, regime, splits, seeds in parts:
        for key in itertools.product(arms, [regime], {"validation", *splits}):
            found.setdefault(key, set()).update(seeds)
    return found


def _check_cells(suite: Suite, file: Path) -> None:
    """Refuse two runs whose names are the same, as those of a-b in c and of a in b-c are."""
    names: dict[str, tuple[str, str]] = {}
    for arm, regime, _ in _planned(suite):
        if names.setdefault(f"{arm}-{regime}", (arm, regime)) != (arm, regime):
            other = " in ".join(names[f"{arm}-{regime}"])
            raise UserError(
                f"{file}: groups: runs of {other} and of {arm} in {regime} have one name, expected two"
            )


def _check_confirmation(suite: Suite, planned: Planned, file: Path) -> None:
    plan = suite.confirmation
    for sweep in plan.sweeps if plan else ():
        for trial in trials_of(suite, sweep):
            searched = planned.get((trial, plan.regime, "validation"), set())
            if not searched:
                raise UserError(
                    f"{file}: confirmation: found no runs of {sweep} in {plan.regime}, expected some"
                )
            again = sorted(searched & set(plan.numbers()))
            if again:
                raise UserError(
                    f"{file}: confirmation.seeds: found {again[0]}, with which {trial} was chosen; expected "
                    "fresh ones"
                )


def _check_source(source: Sources, planned: Planned, place: str) -> None:
    if len(set(source.regimes)) < len(source.regimes):
        raise UserError(f"{place}.regimes: found {', '.join(source.regimes)}, expected each once")
    for arm, regime in itertools.product(source.arms, source.regimes):
        if (arm, regime, source.split) not in planned:
            raise UserError(
                f"{place}: found no runs of {arm} in {regime} with the split {source.split}, expected a "
                "group of them"
            )


def _check_claim(claim: Claim, planned: Planned, place: str) -> None:
    if claim.arm == claim.baseline:
        raise UserError(f"{place}.arm: found {claim.arm}, the baseline itself, expected another arm")
    if claim.kind != "difference" and claim.figure is not None and claim.figure >= 1:
        raise UserError(f"{place}.figure: found {claim.figure:g}, expected less than 1: 0.4 is 40 % less")
    if claim.kind == "spread_within_run" and claim.split != "validation":
        raise UserError(f"{place}.split: found {claim.split}, expected validation, which a run is read on")
    seeds = [planned.get((arm, claim.regime, claim.split), set()) for arm in (claim.baseline, claim.arm)]
    for arm, known in zip((claim.baseline, claim.arm), seeds):
        if not known:
            raise UserError(
                f"{place}: found no runs of {arm} in {claim.regime} with the split {claim.split}, expected a "
                "group of them"
            )
    if not set.intersection(*seeds):
        raise UserError(f"{place}: found no seed of {claim.baseline} that {claim.arm} has too")
