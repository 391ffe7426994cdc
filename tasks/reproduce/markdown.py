"""The summary of a suite as Markdown, and the marked block of a README that is made of it."""

from collections.abc import Sequence

from common.errors import UserError
from common.reporting.page import HtmlTable
from tasks.reproduce import tables
from tasks.reproduce.checking import BY_CHANCE, CHECK_COLUMNS
from tasks.reproduce.comparison_tables import against_text, baseline_table, exploratory_table, verdict_table
from tasks.reproduce.estimate import duration
from tasks.reproduce.suite import best_name
from tasks.reproduce.tables import Summary


def markdown(summary: Summary, everything: bool = True, checks: Sequence[list[str]] = ()) -> str:
    """Verdicts, a table an arm for each regime, and the arms against their baseline.

    Args:
        everything: also every comparison that no claim rests on, and failures.
        checks: rows of a comparison with reference results.
    """
    parts = [summary["note"]] if summary["note"] else []
    if summary["claims"]:
        parts.append(_table(verdict_table(summary)))
        parts.append(
            "Differences are in points, arm minus baseline, over the same seeds and items; a spread is a "
            "ratio of standard deviations."
        )
    if checks:
        table = HtmlTable(CHECK_COLUMNS, list(checks), words=True)
        parts += ["**Against the reference results**", BY_CHANCE, _table(table)]
    parts += [_chosen(summary, sweep, trial) for sweep, trial in summary["best"].items()]
    for regime, task in regimes_of(summary):
        parts.append(f"**{task}, {regime}**")
        splits = tables.splits_of(summary, regime, task)
        parts += [_table(tables.regime_table(summary, regime, task, split)) for split in splits]
    if summary["sources"]:
        parts += ["Standard deviations by source:", _table(tables.sources_table(summary))]
    against = baseline_table(summary)
    if against.rows:
        parts += [f"**Against the baseline.** {against_text(summary)}", _table(against)]
    if everything and summary["exploratory"]:
        parts += [
            "**Exploratory**, with Holm's correction",
            _table(exploratory_table(summary)),
        ]
    if everything and any(run["failure"] for run in summary["runs"].values()):
        parts += ["**Failed runs**", _table(tables.failure_table(summary))]
    parts.append(made_on(summary))
    return "\n\n".join(parts) + "\n"


def regimes_of(summary: Summary) -> list[tuple[str, str]]:
    """Each regime with each task that has a run in it."""
    return list(dict.fromkeys((run["regime"], run["task"]) for run in summary["runs"].values()))


def made_on(summary: Summary) -> str:
    """A line: how many runs, how long, on what, from which commit, those of the first run that finished."""
    known = summary["environment"]
    seconds = [run["seconds"] for run in summary["runs"].values()]
    worked = f"{duration(sum(filter(None, seconds)))} of work"
    if None in seconds:
        worked += f" (without {seconds.count(None)} interrupted)"
    differing = summary["differing"]
    parts = [
        f"{known[name]}{' and others' if name in differing else ''}"
        for name in ("processor", "device")
        if name in known
    ]
    commit, changed, _ = str(known.get("git_commit", "unknown")).partition("-dirty")
    done = f"{len(summary['runs'])} of {summary['planned']} runs"
    code = f"commit {commit[:12]}" + (" with changes that it has not" if changed else "")
    code += " and others" if "git_commit" in differing else ""
    return f"{done}, {worked} on {', '.join(parts) or 'an unknown machine'}, {code}."


def metric_markdown(summary: Summary, metric: str, split: str) -> str:
    """A row an arm and a column a regime: mean ± sample standard deviation of one metric.

    Raises:
        UserError: every run is there, and none has it.
    """
    if not any(tables.value_of(run, split, metric) is not None for run in summary["runs"].values()):
        if len(summary["runs"]) < summary["planned"]:
            return f"{metric}, {split}: no run yet\n"
        raise UserError(f"{summary['suite']}: found no run with {metric} of {split}")
    table = _table(tables.metric_table(summary, metric, split))
    return f"{table}\n\n{metric}, {split}, mean ± standard deviation over seeds; {made_on(summary)}\n"


def _chosen(summary: Summary, sweep: str, trial: str) -> str:
    fields = tables.select_runs(summary, arm=trial)[0]["overrides"]
    values = ", ".join(f"{name} {value}" for name, value in fields.items())
    return f"Chosen on validation for {best_name(sweep)}: {trial} ({values})"


def _table(table: HtmlTable) -> str:
    align = "---" if table.words else "---:"
    lines = [table.columns, ["---", *[align] * (len(table.columns) - 1)], *table.rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
