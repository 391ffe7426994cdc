"""Reference results of a suite that was run in parts, on several days or machines."""

from collections.abc import Mapping
from typing import Any, Optional

from common.evaluation.verdict import holm
from tasks.reproduce.suite import best_name
from tasks.reproduce.summary import NO_RUNS, differing
from tasks.reproduce.tables import Summary

NO_RUNS_TOGETHER = "no pair of runs in one folder"
Part = tuple[str, str]
# The configuration of a confirmation is not known before its search is done.
Plan = Mapping[str, tuple[Part, Optional[str]]]
EMPTY: Summary = {"runs": {}, "claims": [], "exploratory": [], "sources": [], "best": {}, "headline": {}}


def merge(known: Summary, new: Summary, planned: Plan) -> Summary:
    """The new results, and of the known ones what rests on none of the runs that are new, dropped or missing.

    A comparison needs the predictions of both arms: where one of the two is new, there is none. Holm's
    correction is made again over all exploratory ones.

    Args:
        new: of parts of the suite, an arm in a regime with all its seeds each; all its claims.
        planned: (arm, regime) and hash of the configuration by name of each run of the suite, in its order.
    """
    kept = _kept_parts(known, new, planned)
    best, kept = _kept_search(known, new, kept, {part for part, _ in planned.values()})
    stay = {name: run for name, run in known["runs"].items() if name in planned and _part(run) in kept}
    runs = {**stay, **new["runs"]}
    claims = {_name(row): row for row in known["claims"] if _parts(row) <= kept}
    claimed = [_pair(row) for row in new["claims"] if row["kind"] == "difference"]
    merged = {**new, "planned": len(planned), "headline": {**known["headline"], **new["headline"]}}
    merged["runs"] = {name: runs[name] for name in planned if name in runs}
    there = {_part(run) for run in merged["runs"].values()}
    merged["claims"] = [claims.get(_name(row), _apart(row, there)) for row in new["claims"]]
    merged["exploratory"] = [
        *new["exploratory"],
        *(row for row in known["exploratory"] if _parts(row) <= kept and _pair(row) not in claimed),
    ]
    # In the suite's order, whichever part was kept first.
    parts = list(dict.fromkeys(part for part, _ in planned.values()))
    merged["exploratory"].sort(key=lambda row: parts.index(_part(row)))
    merged["sources"] = [*new["sources"], *(row for row in known["sources"] if _draws(row) <= kept)]
    merged["sources"].sort(key=lambda row: parts.index((row["arm"], row["regimes"][0])))
    merged["best"] = best
    environments = [run["environment"] for run in merged["runs"].values() if run["environment"]]
    merged["environment"] = environments[0] if environments else {}
    merged["differing"] = differing(environments)
    _correct(merged["exploratory"])
    return merged


def _kept_parts(known: Summary, new: Summary, planned: Plan) -> set[Part]:
    """Parts all of whose runs, and no others, are in the known results alone, in the configuration of now."""
    before = known["runs"]
    changed = {_part(run) for run in new["runs"].values()}
    changed |= {_part(run) for name, run in before.items() if name not in planned}
    for name, (part, config_sha256) in planned.items():
        if name not in before or config_sha256 not in (None, before[name]["config_sha256"]):
            changed.add(part)
    return {part for part, _ in planned.values()} - changed


def _kept_search(
    known: Summary, new: Summary, kept: set[Part], planned: set[Part]
) -> tuple[dict[str, str], set[Part]]:
    """What the search chose, and the parts to keep: no confirmation where a trial is new or dropped."""
    if new["best"]:
        return new["best"], kept
    confirmed = {best_name(sweep) for sweep in known["best"]}
    searched = {_part(run) for run in known["runs"].values()} | planned
    if {part for part in searched if part[0] not in confirmed} <= kept:
        return known["best"], kept
    return {}, {part for part in kept if part[0] not in confirmed}


def _apart(claim: dict[str, Any], there: set[Part]) -> dict[str, Any]:
    runs = claim["verdict"] == NO_RUNS and _parts(claim) <= there
    return {**claim, "verdict": NO_RUNS_TOGETHER} if runs else claim


def _part(run: Mapping[str, Any]) -> Part:
    return run["arm"], run["regime"]


def _name(row: Mapping[str, Any]) -> tuple:
    return (*_pair(row), *(row[field] for field in ("text", "kind", "figure", "better")))


def _pair(row: Mapping[str, Any]) -> tuple:
    return tuple(row[field] for field in ("baseline", "arm", "regime", "split", "metric"))


def _parts(row: Mapping[str, Any]) -> set[Part]:
    return {(row["baseline"], row["regime"]), (row["arm"], row["regime"])}


def _draws(row: Mapping[str, Any]) -> set[Part]:
    return {(row["arm"], regime) for regime in row["regimes"]}


def _correct(rows: list[dict[str, Any]]) -> None:
    tested = [row for row in rows if row["p_value"] is not None]
    for row, adjusted in zip(tested, holm([row["p_value"] for row in tested]).tolist()):
        row["adjusted"] = adjusted
