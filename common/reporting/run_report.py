"""``report.html`` of one run and of several, from their folders alone."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from common.errors import UserError
from common.reporting.page import HtmlImage, HtmlTable, Section, write_page
from common.reporting.plots import plot_comparison, plot_learning_curves
from common.reporting.tables import show
from common.table_file import read_table
from common.training.run_folder import RunFolder


def write_run_report(run: RunFolder, metric: str, task_sections: Sequence[Section] = ()) -> None:
    """Metrics of every evaluated split, learning curves of ``metric``, what the task adds, settings."""
    plot = run.path / "plots" / "learning_curves.png"
    plot_learning_curves(read_table(run.history), metric, plot)
    metrics = run.metrics()
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    rows = [[name, *(show(values.get(name)) for values in metrics.values())] for name in names]
    environment = (run.path / "environment.json").read_text(encoding="utf-8")
    sections = [
        Section("Metrics of the best epoch", tables=[HtmlTable(["metric", *metrics], rows)]),
        Section(
            "Learning curves",
            f"{training_time(run)}.",
            images=[HtmlImage(plot, f"loss and {metric} by epoch")],
        ),
        *task_sections,
        Section("Configuration", preformatted=(run.path / "config.yaml").read_text(encoding="utf-8")),
        Section("Environment", preformatted=environment),
    ]
    write_page(run.path / "report.html", run.path.name, sections)


def training_time(run: RunFolder) -> str:
    """Epochs of a run and its minutes of training, in words; see :func:`training_minutes`."""
    history = read_table(run.history)
    return f"{len(history)} epochs, {training_minutes(history):.1f} minutes of training without evaluation"


def training_minutes(history: pd.DataFrame) -> float:
    """Minutes that the updates of a run took, all its resumed parts together.

    Args:
        history: ``history.csv``, with ``seconds`` of each epoch, in which evaluation is not counted.
    """
    return float(history["seconds"].sum() / 60)


def run_names(runs: list[RunFolder]) -> list[str]:
    """Folder names, or whole paths where names repeat."""
    names = [run.path.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def comparison_table(runs: list[RunFolder], split: str, metrics: tuple[str, ...]) -> HtmlTable:
    """A row a run: its name, ``metrics`` on ``split``, epochs, and minutes of training.

    A metric that a run's task does not have is a dash.

    Raises:
        UserError: a run has no metrics for the split.
    """
    rows = []
    for name, run in zip(run_names(runs), runs):
        values = run.metrics().get(split)
        if values is None:
            file = run.path / "metrics.json"
            raise UserError(f"{file}: found no {split} metrics; run evaluate.py --split {split} on it first")
        history = read_table(run.history)
        minutes = f"{training_minutes(history):.1f}"
        rows.append([name, *(show(values.get(m)) for m in metrics), str(len(history)), minutes])
    return HtmlTable(["run", *metrics, "epochs", "minutes"], rows)


def curves_section(title: str, runs: list[RunFolder], metric: str, plot: Path) -> Section:
    """Validation curves of runs of one task: of ``metric``, or of the loss where a run has no such metric."""
    histories = {name: read_table(run.history) for name, run in zip(run_names(runs), runs)}
    if any(f"validation_{metric}" not in history for history in histories.values()):
        metric = "loss"
    plot_comparison(histories, metric, plot)
    return Section(title, images=[HtmlImage(plot, f"validation {metric} by update")])


def environment_section(run: RunFolder) -> Section:
    """Versions and machine of a run."""
    environment = json.loads((run.path / "environment.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in environment.items() if not name.endswith("sha256")}
    return Section("Environment", preformatted="\n".join(f"{k}: {v}" for k, v in kept.items()))
