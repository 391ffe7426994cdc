"""Tables of what was tested: claims, and the comparisons that no claim rests on."""

from typing import Any, Optional

from common.evaluation.comparison import ENOUGH_SEEDS
from common.evaluation.verdict import MARGIN, NO_EFFECT, NOT_DECIDED, OPPOSITE
from common.reporting.page import HtmlTable
from tasks.reproduce.tables import Summary, of

SPREADS = {"spread_over_seeds": "spread over seeds", "spread_within_run": "fluctuation within a run"}


def verdict_table(summary: Summary) -> HtmlTable:
    """A row a claim: what the article says, what was measured, and the verdict."""
    columns = [
        "claim",
        "verdict",
        "measured, 95 % interval",
        "article",
        "seeds",
        "other split",
        "measured on",
    ]
    rows = []
    for claim in summary["claims"]:
        difference = claim["kind"] == "difference"
        where = (
            f"{claim['arm']} - {claim['baseline']}, {claim['metric']}, {claim['split']}, {claim['regime']}"
        )
        rows.append(
            [
                claim["text"],
                claim["verdict"],
                estimate(claim),
                _figure(claim),
                _seeds(claim),
                _other_split(summary, claim) if difference else "-",
                where if difference else f"{SPREADS[claim['kind']]}: {where}",
            ]
        )
    return HtmlTable(columns, rows, words=True)


def estimate(row: dict[str, Any]) -> str:
    """A difference in points, or a ratio of standard deviations, with its interval."""
    if row["kind"] == "difference":
        known = row["low"] is None or row["units"]
        return _points(row["estimate"]) + _between(row, _points) + ("" if known else " (seeds alone)")
    if row["estimate"] is None:
        still = row["kind"] == "spread_within_run" and row["seeds"]
        return "- (a run does not fluctuate at all)" if still else "-"
    return f"{_ratio(row['estimate'])} of the spread{_between(row, _ratio)}"


def exploratory_table(summary: Summary) -> HtmlTable:
    """Every comparison that no claim rests on, the smallest p-value first."""
    rows = sorted(summary["exploratory"], key=lambda row: (row["p_value"] is None, row["p_value"]))
    return HtmlTable(
        ["arm - baseline", "regime", "metric", "difference, 95 % interval", "seeds", "p", "p, Holm", "says"],
        [
            [
                f"{row['arm']} - {row['baseline']}",
                row["regime"],
                f"{row['metric']}, {row['split']}",
                estimate(row),
                _seeds(row),
                _p(row["p_value"]),
                _p(row["adjusted"]),
                _says(row),
            ]
            for row in rows
        ],
        words=True,
    )


def against_text(summary: Summary) -> str:
    """What :func:`baseline_table` means by better and worse."""
    return (
        "In points, with 95 % intervals; better or worse where Holm's correction over all "
        f"{len(summary['exploratory'])} comparisons that no claim rests on leaves p below 0.05."
    )


def baseline_table(summary: Summary) -> HtmlTable:
    """A row an arm in a regime, a column a split: differences from the baseline.

    In the metrics of claims, in each task's first where there are none.
    """
    baselines = {row["baseline"] for row in summary["exploratory"]}
    claims = [claim for claim in summary["claims"] if claim["kind"] == "difference"]
    metrics = {claim["metric"] for claim in claims}
    metrics |= {names[0] for names in summary["headline"].values() if not metrics & set(names)}
    rows: dict[tuple, dict[str, str]] = {}
    for row in [row for row in summary["exploratory"] if row["metric"] in metrics]:
        rows.setdefault(_same(row), {})[row["split"]] = f"{estimate(row)}, {_says(row)}{_few_seeds(row)}"
    for claim in [claim for claim in claims if claim["baseline"] in baselines]:
        rows.setdefault(_same(claim), {})[claim["split"]] = f"{estimate(claim)}, claim{_few_seeds(claim)}"
    splits = [split for split in ("validation", "test") if any(split in known for known in rows.values())]
    return HtmlTable(
        ["arm - baseline", "regime", "metric", *splits],
        [
            [f"{arm} - {baseline}", regime, metric, *(known.get(split, "-") for split in splits)]
            for (baseline, arm, regime, metric), known in rows.items()
        ],
        words=True,
    )


def spread_table(summary: Summary) -> HtmlTable:
    """A row a claim on fluctuation: p-values of equal fluctuation, of its test and of the check."""
    rows = [
        [claim["text"], SPREADS[claim["kind"]], _p(claim["p_value"]), _p(claim["levene_p_value"])]
        for claim in summary["claims"]
        if claim["kind"] in SPREADS
    ]
    return HtmlTable(["claim", "of", "p of no difference", "p of Levene's test"], rows, words=True)


def _seeds(row: dict[str, Any]) -> str:
    """Pairs that have a value, of those that were run."""
    return of(row["seeds"], row["seeds"] + len({seed for _, seed in row["diverged"]}))


def _few_seeds(row: dict[str, Any]) -> str:
    few = row["diverged"] or row["seeds"] < ENOUGH_SEEDS
    return f" ({_seeds(row)} seeds)" if few else ""


def _says(row: dict[str, Any]) -> str:
    """Better or worse only where that outlives Holm's correction; there is no figure to reach.

    Within the margin a gain is no relevant effect either, else small ones would be told in one direction.
    """
    if row["low"] is not None and row["low"] > -MARGIN and row["high"] < MARGIN:
        return NO_EFFECT
    if row["adjusted"] is None or row["adjusted"] >= 0.05:
        return NOT_DECIDED
    return "worse" if row["uncorrected_verdict"].startswith(OPPOSITE) else "better"


def _same(row: dict[str, Any]) -> tuple[str, ...]:
    return row["baseline"], row["arm"], row["regime"], row["metric"]


def _other_split(summary: Summary, claim: dict[str, Any]) -> str:
    for row in summary["exploratory"]:
        if _same(row) == _same(claim) and row["split"] != claim["split"]:
            return f"{row['split']}: {estimate(row)}"
    return "-"


def _figure(claim: dict[str, Any]) -> str:
    figure = claim["figure"]
    if claim["kind"] == "difference":
        sign = -1 if claim["better"] == "lower" else 1
        return _points(sign * figure) if figure else claim["better"]
    return f"{1 - figure:.2f} of the spread" if figure else "less"


def _between(row: dict[str, Any], text) -> str:
    return "" if row["low"] is None else f" [{text(row['low'])}, {text(row['high'])}]"


def _points(value: Optional[float]) -> str:
    return "-" if value is None else f"{100 * value:+.2f}"


def _ratio(value: Optional[float]) -> str:
    if value is None:
        return "-"
    return "> 100" if value > 100 else f"{value:.2f}"


def _p(value: Optional[float]) -> str:
    return "-" if value is None else f"{value:.3f}" if value >= 0.001 else "< 0.001"
