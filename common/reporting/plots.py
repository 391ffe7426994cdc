"""Learning curves, reliability, precision against recall."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from matplotlib.ticker import MaxNLocator  # noqa: E402

from common.evaluation.classification import CalibrationBins  # noqa: E402
from common.evaluation.detection import ScoreCounts  # noqa: E402
from common.reporting.figures import save_figure  # noqa: E402

COLOURS = {"train": "#1f77b4", "validation": "#d62728"}


def plot_learning_curves(history: pd.DataFrame, metric: str, path: Path) -> None:
    """Loss at the left, ``metric`` at the right, training and validation in one picture each.

    Args:
        history: ``history.csv``, with columns ``train_loss``, ``validation_METRIC`` and, where
            they were measured, ``validation_loss`` and ``train_METRIC``.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for axis, name in zip(axes, ("loss", metric)):
        for split, colour in COLOURS.items():
            column = f"{split}_{name}"
            if column in history:
                marker = "o" if len(history) < 40 else ""
                axis.plot(history["epoch"], history[column], marker=marker, ms=3, color=colour, label=split)
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.grid(alpha=0.3)
        axis.legend()
    save_figure(figure, path, 110)


def plot_comparison(histories: dict[str, pd.DataFrame], metric: str, path: Path) -> None:
    """Validation ``metric`` of several runs of one task against the update."""
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for name, history in histories.items():
        axis.plot(history["step"], history[f"validation_{metric}"], "o-", ms=3, label=name)
    axis.set(xlabel="update", ylabel=f"validation {metric}")
    axis.grid(alpha=0.3)
    axis.legend()
    save_figure(figure, path, 110)


def plot_reliability(bins: CalibrationBins, path: Path) -> None:
    """Accuracy against confidence, and how many items stand in each bin."""
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(5, 5), layout="constrained", sharex=True, height_ratios=(3, 1)
    )
    width = np.diff(bins.edges)
    upper.bar(bins.edges[:-1], bins.accuracy, width, align="edge", color="#9ecae1", edgecolor="white")
    upper.plot(bins.confidence, bins.accuracy, "o", ms=4, color="#1f77b4", label="mean of a bin")
    upper.plot([0, 1], [0, 1], "--", color="#777", lw=1, label="calibrated")
    first = np.flatnonzero(bins.counts)[0]
    upper.set(ylabel="accuracy", ylim=(0, 1.02), xlim=(bins.edges[first], 1))
    upper.legend(loc="lower right")
    lower.bar(bins.edges[:-1], bins.counts, width, align="edge", color="#bbb", edgecolor="white")
    lower.set(xlabel="confidence", ylabel="items")
    save_figure(figure, path, 110)


def plot_precision_recall(curves: dict[str, ScoreCounts], threshold: float, path: Path) -> None:
    """Precision against recall by name, and a dot on each where the score is ``threshold``.

    The first curve is drawn thicker, in black: it is of all classes.
    """
    figure, axis = plt.subplots(figsize=(7.4, 5), layout="constrained")
    for number, (name, counts) in enumerate(curves.items()):
        style = {"color": f"C{number - 1}", "lw": 1.2} if number else {"color": "black", "lw": 2.2}
        axis.plot(counts.recall, counts.precision, label=name, **style)
        kept = np.flatnonzero(counts.scores >= threshold)
        if len(kept):
            place = counts.recall[kept[-1]], counts.precision[kept[-1]]
            axis.plot(*place, "o", ms=6 if number else 8, color=style["color"])
    axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    save_figure(figure, path, 110)
