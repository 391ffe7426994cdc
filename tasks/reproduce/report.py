"""``report.html``, ``report.md`` and ``results.json`` of a suite, from its runs alone."""

import json
from pathlib import Path

import numpy as np

from common.reporting.page import HtmlImage, HtmlTable, Section, write_page
from common.training.run_folder import write_text
from tasks.reproduce import tables
from tasks.reproduce.analysis import Analysis
from tasks.reproduce.cells import trials_of
from tasks.reproduce.checking import BY_CHANCE, CHECK_COLUMNS
from tasks.reproduce.comparison_tables import (
    against_text,
    baseline_table,
    estimate,
    exploratory_table,
    spread_table,
    verdict_table,
)
from tasks.reproduce.figures import Figures
from tasks.reproduce.markdown import made_on, markdown, regimes_of
from tasks.reproduce.results import Results, selection_metric
from tasks.reproduce.summary import summarize_suite
from tasks.reproduce.tables import Summary

VERDICTS = """Differences are in points, arm minus baseline, over the same seeds and items. Reached: the
interval lies above 0 and the estimate is at least the article's figure, if it gives one. No relevant effect:
the interval lies within half a point of 0. Seeds and items are crossed; the interval is a t-interval with
Satterthwaite's degrees of freedom, or the paired one where items have no values of their own (seeds alone).
Pairs with a run that diverged are in no interval: read them beside the verdict."""
SPREADS = """Between seeds by Pitman and Morgan's test of paired, normal values, which Levene's test checks;
within a run by a t-test of the logarithms of the pairs' ratios."""
CURVES = "Means over seeds: validation solid, with the span of the seeds, training dashed."


def write_reports(results: Results, analysis: Analysis, name: str, checks: list[list[str]]) -> Summary:
    """Write all three into the suite's folder; the summary that they were made from.

    Args:
        name: of the suite.
        checks: rows of a comparison with reference results, or none.
    """
    summary = summarize_suite(results, analysis, name)
    folder = results.store.folder
    write_text(folder / "results.json", to_json(summary))
    write_text(folder / "report.md", f"# {summary['title']}\n\n{markdown(summary, checks=checks)}")
    sections = report_sections(results, analysis, summary, checks)
    note = " ".join(filter(None, (_incomplete(summary), summary["note"])))
    write_page(folder / "report.html", summary["title"], sections, note=note)
    return summary


def to_json(summary: Summary) -> str:
    """The summary as a file has it."""
    return json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def report_sections(
    results: Results, analysis: Analysis, summary: Summary, checks: list[list[str]]
) -> list[Section]:
    """Verdicts first, then what they rest on."""
    figures = Figures(results, results.store.folder / "plots")
    sections = []
    if summary["claims"]:
        sections.append(Section("Verdicts", VERDICTS, [verdict_table(summary), *_clustered(summary)]))
        spreads = spread_table(summary)
        if spreads.rows:
            sections.append(Section("Fluctuation", SPREADS, [spreads]))
    if checks:
        table = HtmlTable(CHECK_COLUMNS, checks, words=True)
        sections.append(Section("Against the reference results", BY_CHANCE, [table]))
    if any(run["failure"] for run in summary["runs"].values()):
        text = "Runs that failed twice; they count as diverged and are in no mean."
        sections.append(Section("Failed runs", text, [tables.failure_table(summary)]))
    for regime, task in regimes_of(summary):
        found = [
            tables.regime_table(summary, regime, task, s) for s in tables.splits_of(summary, regime, task)
        ]
        sections.append(Section(f"Arms: {task}, {regime}", "Mean ± standard deviation over seeds.", found))
    against = baseline_table(summary)
    if against.rows:
        sections.append(Section("Against the baseline", against_text(summary), [against]))
    sections += _pairs(figures, summary)
    for regime, task in regimes_of(summary):
        sections += _curves(figures, results, summary, regime, task)
    sections += _strengths(figures, results) + _trials(results, summary)
    if summary["sources"]:
        sections.append(Section("Where the spread comes from", tables=[tables.sources_table(summary)]))
    for regime, task in regimes_of(summary):
        sections += _details(results, analysis, summary, regime, task)
    if summary["exploratory"]:
        text = "No claim rests on these; p-values with Holm's correction over all rows."
        sections.append(Section("Exploratory", text, [exploratory_table(summary)]))
    return [*sections, _environment(summary), _links(results)]


def _incomplete(summary: Summary) -> str:
    missing = summary["planned"] - len(summary["runs"])
    return f"{missing} of {summary['planned']} runs are still to come." if missing else ""


def _clustered(summary: Summary) -> list[HtmlTable]:
    rows = [
        [
            c["text"],
            estimate({**c["clustered"], "kind": "difference"}),
            str(c["clustered"]["units"]),
        ]
        for c in summary["claims"]
        if "clustered" in c
    ]
    columns = ["the same, whole groups of items drawn", "difference, 95 % interval", "groups"]
    return [HtmlTable(columns, rows, words=True)] if rows else []


def _pairs(figures: Figures, summary: Summary) -> list[Section]:
    known = [claim for claim in summary["claims"] if claim["kind"] == "difference" and claim["seeds"]]
    images = [figures.pairs(claim) for claim in known]
    return [Section("Seed by seed", "A line a seed.", images=images)] if images else []


def _curves(figures: Figures, results: Results, summary: Summary, regime: str, task: str) -> list[Section]:
    arms = compared_arms(results, regime, task)
    images = figures.curves(regime, task, arms)
    return [Section(f"Learning curves: {task}, {regime}", CURVES, images=images)] if images else []


def compared_arms(results: Results, regime: str, task: str) -> list[str]:
    """Arms that claims are about, else the first four."""
    suite = results.suite
    arms = [arm for arm in results.arms(regime) if results.task_of(arm) == task]
    claimed = {arm for claim in suite.claims for arm in (claim.baseline, claim.arm)}
    return [arm for arm in arms if arm in claimed] or arms[:4]


def _strengths(figures: Figures, results: Results) -> list[Section]:
    fields = dict.fromkeys(
        next(iter(sweep.fields)) for sweep in results.suite.sweeps.values() if len(sweep.fields) == 1
    )
    text = "Loss at the best epoch, dropout off in both: training dashed, validation solid; a dot a run."
    images = [(field, figures.strength(field)) for field in fields]
    return [Section(f"Strength of {field}", text, images=[image]) for field, image in images if image]


def _trials(results: Results, summary: Summary) -> list[Section]:
    plan = results.suite.confirmation
    sections = []
    for sweep in plan.sweeps if plan else ():
        trials = trials_of(results.suite, sweep)
        task = next(filter(None, map(results.task_of, trials)), "")
        if task:
            planned = max(results.planned_seeds[trial, plan.regime] for trial in trials)
            table = tables.trials_table(summary, trials, plan.regime, selection_metric(task), planned)
            sections.append(Section(f"Search: {sweep}, {len(trials)} trials", tables=[table]))
    return sections


def _details(results: Results, analysis: Analysis, summary: Summary, regime: str, task: str) -> list[Section]:
    sections, arms = [], compared_arms(results, regime, task)
    for split in ("validation", "test"):
        table = tables.detail_table(summary, regime, task, split, arms)
        if table.rows:
            title = f"By class and size: {task}, {regime}, {split}"
            confusions = [_confusion(results, analysis, arm, regime, split) for arm in arms]
            images = _pictures(results, regime, split, arms)
            text = "Then confusion, a row a true class, summed over seeds."
            sections.append(Section(title, text, [table, *confusions], images))
    return sections


def _confusion(results: Results, analysis: Analysis, arm: str, regime: str, split: str) -> HtmlTable:
    done = [r for r in results.of(arm, regime) if r.failure is None and split in r.metrics]
    if not done:
        return HtmlTable([arm], [])
    found = [analysis.items(result.task).confusion(result.run, split) for result in done]
    classes, counts = found[0][0], np.sum([matrix for _, matrix in found], axis=0)
    return HtmlTable([arm, *classes], [[name, *map(str, row)] for name, row in zip(classes, counts)])


def _pictures(results: Results, regime: str, split: str, arms: list[str]) -> list[HtmlImage]:
    """The worst pictures of each arm's first seed, where its task draws any."""
    images = []
    for arm in arms:
        done = [r for r in results.of(arm, regime) if r.failure is None]
        file = done[0].run.path / "plots" / f"worst_{split}.png" if done else Path()
        if file.is_file():
            images.append(HtmlImage(file, f"{arm}, seed {done[0].cell.seed}: worst pictures, with boxes"))
    return images


def _environment(summary: Summary) -> Section:
    lines = [f"{name}: {value}" for name, value in summary["environment"].items()]
    lines += [f"differs between runs: {k}: {' | '.join(v)}" for k, v in summary["differing"].items()]
    return Section("Environment", made_on(summary), preformatted="\n".join(lines))


def _links(results: Results) -> Section:
    folder = results.store.folder
    links = [
        (result.cell.name, (result.run.path / "report.html").relative_to(folder).as_posix())
        for result in results.found
        if (result.run.path / "report.html").is_file()
    ]
    return Section("Runs", "Their folders stand beside this page.", links=links)
