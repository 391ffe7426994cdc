"""Pictures of many runs: pairs of seeds, learning curves of arms, a metric against a strength."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from common.reporting.figures import save_figure  # noqa: E402

RISE, FALL, GREY = "#1f77b4", "#d95f02", "#777777"


@dataclass(frozen=True)
class Pairs:
    """Values of two arms by seed, and the interval of their mean difference.

    Attributes:
        title: one line.
        names: of baseline and arm.
        values: of both, float [seeds] each, in the same order of seeds.
        interval: low and high of the difference; None where one pair gives none.
        figure: the difference that was claimed, with its sign; None where there is none.
    """

    title: str
    names: tuple[str, str]
    values: tuple[Sequence[float], Sequence[float]]
    interval: Optional[tuple[float, float]]
    figure: Optional[float] = None


def plot_pairs(pairs: Pairs, path: Path) -> None:
    """At the left a line a seed from baseline to arm, at the right differences, mean and interval."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6, 3.4), layout="constrained", width_ratios=(3, 2))
    first, second = (np.asarray(values, float) for values in pairs.values)
    for one, two in zip(first, second):
        left.plot([0, 1], [one, two], "o-", ms=4, lw=1, color=RISE if two >= one else FALL, alpha=0.7)
    left.plot([0, 1], [first.mean(), second.mean()], "s-", ms=7, lw=2.5, color="black", label="mean")
    left.set_xticks([0, 1], [_in_lines(name) for name in pairs.names])
    left.set(xlim=(-0.3, 1.3), title=pairs.title)
    left.title.set_fontsize(10)
    left.grid(axis="y", alpha=0.3)
    left.legend()
    differences = 100 * (second - first)
    right.axhline(0, color=GREY, lw=1)
    if pairs.figure is not None:
        right.axhline(100 * pairs.figure, color="#1f4e9c", ls="--", lw=1.2, label="the article's figure")
    spread = np.linspace(-0.12, 0.12, len(differences)) if len(differences) > 1 else [0]
    right.plot(spread, differences, "o", ms=4, color=GREY, alpha=0.7)
    mean = differences.mean()
    if pairs.interval is not None:
        low, high = (100 * end for end in pairs.interval)
        right.errorbar(0.4, mean, [[mean - low], [high - mean]], fmt="ks", capsize=5, label="mean, 95 %")
    right.set_xticks([0, 0.4], ["seeds", "mean"])
    right.set(xlim=(-0.3, 0.7), ylabel="difference, points")
    if right.get_legend_handles_labels()[0]:
        right.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    _save(figure, path)


def plot_arm_curves(histories: Mapping[str, Sequence[pd.DataFrame]], name: str, path: Path) -> None:
    """The loss or a metric of each arm by update: means over seeds, validation solid, training dashed.

    A band spans the seeds on validation. The gap between dashed and solid is what regularization
    is to close.
    """
    figure, axis = _with_legend_above(4.6, 3.2, 2 * len(histories))
    for number, (arm, several) in enumerate(histories.items()):
        for split, style in (("validation", "-"), ("train", "--")):
            known = [h.set_index("step")[f"{split}_{name}"] for h in several if f"{split}_{name}" in h]
            if not known:
                continue
            table = pd.concat(known, axis=1)
            mean = table.mean(axis=1)
            axis.plot(mean.index, mean, style, color=f"C{number}", label=f"{arm}, {split}")
            if split == "validation" and len(known) > 1:
                low, high = table.min(axis=1), table.max(axis=1)
                axis.fill_between(mean.index, low, high, color=f"C{number}", alpha=0.15, lw=0)
    axis.set(xlabel="update", ylabel=name)
    _legend_above(axis)
    _save(figure, path)


def plot_strength(
    lines: Mapping[str, Mapping[float, tuple[Sequence[float], Sequence[float]]]], field: str, path: Path
) -> None:
    """Train and validation loss against the strength of a regularizer, a colour a line, dots are runs.

    Args:
        lines: by name, for each strength the losses of its runs in training and in validation.
    """
    figure, axis = _with_legend_above(6, 3.4, 2 * len(lines))
    positive = [s for line in lines.values() for s in line if s > 0]
    for number, (name, line) in enumerate(lines.items()):
        strengths = sorted(line)
        for which, (split, style) in enumerate((("train", "--"), ("validation", "-"))):
            values = [line[strength][which] for strength in strengths]
            if not all(len(v) for v in values):
                continue
            means = [float(np.mean(v)) for v in values]
            axis.plot(strengths, means, style, color=f"C{number}", label=f"{name}, {split}")
            for strength, several in zip(strengths, values):
                axis.plot([strength] * len(several), several, "o", ms=3, color=f"C{number}", alpha=0.5)
    if positive and max(positive) / min(positive) > 50:
        axis.set_xscale("symlog", linthresh=min(positive))
    axis.set(xlabel=field, ylabel="loss")
    _legend_above(axis)
    _save(figure, path)


def _with_legend_above(width: float, height: float, entries: int):
    """A figure and its axes, with room for so many entries above them: inside they would hide curves."""
    return plt.subplots(figsize=(width, height + 0.18 * entries), layout="constrained")


def _legend_above(axis: plt.Axes) -> None:
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.01))


def _in_lines(name: str) -> str:
    """A name in lines that do not run into those of its neighbour."""
    return "\n".join(textwrap.wrap(name.replace("_", "_ "), 15)).replace("_ ", "_")


def _save(figure: plt.Figure, path: Path) -> None:
    save_figure(figure, path, 100)
