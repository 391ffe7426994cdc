"""Reference results of a suite that was run in parts, on several days or machines."""

from collections.abc import Iterable, Mapping
from typing import Any

from common.evaluation.verdict import holm
from tasks.reproduce.tables import Summary

Part = tuple[str, str]
EMPTY: Summary = {"runs": {}, "claims": [], "exploratory": [], "sources": [], "best": {}, "headline": {}}


def merge(known: Summary, new: Summary, planned: Iterable[Part]) -> Summary:
    """The new results, and of the known ones whatever else the suite still has.

    A comparison of two arms is taken from the new results if both are in them, since it needs the
    predictions of both; Holm's correction is made again over all exploratory ones.

    Args:
        new: of parts of the suite, an arm in a regime with all its seeds each.
        planned: (arm, regime) of each run of the suite.
    """
    planned = list(planned)
    order, wanted = list(dict.fromkeys(planned)), set(planned)
    renewed = {_part(run) for run in new["runs"].values()}
    kept = {name: run for name, run in known["runs"].items() if _part(run) in wanted - renewed}
    runs = {**kept, **new["runs"]}
    merged = {**new, "planned": len(planned), "headline": {**known["headline"], **new["headline"]}}
    merged["runs"] = dict(sorted(runs.items(), key=lambda r: (order.index(_part(r[1])), r[1]["seed"])))
    for kind in ("claims", "exploratory"):
        merged[kind] = _comparisons(known[kind], new[kind], renewed, wanted)
    _correct(merged["exploratory"])
    if kept:
        merged["sources"] = new["sources"] or known["sources"]
        merged["best"] = known["best"]
        merged["environment"] = known["environment"]
        merged["differing"] = _differing(known, new)
    return merged


def _part(run: Mapping[str, Any]) -> Part:
    return run["arm"], run["regime"]


def _comparisons(known: list, new: list, renewed: set[Part], wanted: set[Part]) -> list[dict[str, Any]]:
    found = {_name(row): row for row in known if _parts(row) <= wanted}
    for row in new:
        if _parts(row) <= renewed or _name(row) not in found:
            found[_name(row)] = row
    # The suite's order, in which the new ones are; exploratory ones that are known alone come last.
    order = [_name(row) for row in new]
    return sorted(found.values(), key=lambda r: order.index(_name(r)) if _name(r) in order else len(order))


def _name(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[field] for field in ("text", "kind", "baseline", "arm", "regime", "split", "metric"))


def _parts(row: Mapping[str, Any]) -> set[Part]:
    return {(row["baseline"], row["regime"]), (row["arm"], row["regime"])}


def _correct(rows: list[dict[str, Any]]) -> None:
    tested = [row for row in rows if row["p_value"] is not None]
    for row, adjusted in zip(tested, holm([row["p_value"] for row in tested]).tolist()):
        row["adjusted"] = adjusted


def _differing(known: Summary, new: Summary) -> dict[str, list[str]]:
    fields = dict.fromkeys((*known["environment"], *new["environment"]))
    values = {}
    for name in fields:
        found = [
            value
            for summary in (known, new)
            for value in summary["differing"].get(name, [str(summary["environment"].get(name))])
        ]
        values[name] = list(dict.fromkeys(found))
    return {name: several for name, several in values.items() if len(several) > 1}
