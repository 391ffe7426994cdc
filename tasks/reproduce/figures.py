"""Plots of a suite, as files in its folder."""

import math
from pathlib import Path
from typing import Any, Optional

from common.reporting.page import HtmlImage
from common.reporting.suite_plots import Pairs, plot_arm_curves, plot_pairs, plot_strength
from tasks.reproduce.results import Results, selection_metric


class Figures:
    """Plots from results.

    Args:
        folder: for the PNG files.
    """

    def __init__(self, results: Results, folder: Path):
        self.results, self.folder = results, folder

    def pairs(self, claim: dict[str, Any]) -> HtmlImage:
        """Both arms of a claim, seed by seed."""
        where = (claim["regime"], claim["split"], claim["metric"])
        names = (claim["baseline"], claim["arm"])
        first, second = (self.results.values(name, *where) for name in names)
        both = sorted(set(first) & set(second))
        seeds = [seed for seed in both if math.isfinite(first[seed]) and math.isfinite(second[seed])]
        title = f"{claim['metric']}, {claim['split']}, {claim['regime']}"
        interval = None if claim["low"] is None else (claim["low"], claim["high"])
        figure = claim["figure"]
        if figure is not None and claim["better"] == "lower":
            figure = -figure
        values = tuple([known[seed] for seed in seeds] for known in (first, second))
        path = self.folder / f"pairs-{'-'.join(names)}-{'-'.join(where)}.png"
        plot_pairs(Pairs(title, names, values, interval, figure), path)
        return HtmlImage(path, f"{title}: {names[1]} against {names[0]}, a line a seed")

    def curves(self, regime: str, task: str, arms: list[str]) -> list[HtmlImage]:
        """Loss and selection metric of arms by update; none before any has a finished run."""
        histories = {
            arm: [r.history() for r in self.results.of(arm, regime) if r.failure is None] for arm in arms
        }
        histories = {arm: several for arm, several in histories.items() if several}
        images = []
        for name in ("loss", selection_metric(task)) if histories else ():
            path = self.folder / f"curves-{task}-{regime}-{name}.png"
            plot_arm_curves(histories, name, path)
            images.append(HtmlImage(path, f"{name} by update, of {', '.join(histories)}"))
        return images

    def strength(self, field: str) -> Optional[HtmlImage]:
        """Losses of every sweep over one field, a line a sweep; None without losses of both splits."""
        lines = {}
        for name, sweep in self.results.suite.sweeps.items():
            if list(sweep.fields) != [field]:
                continue
            for arm, trial in sweep.arms(name).items():
                losses = [
                    [r.metrics.get(split, {}).get("loss") for r in self.results.found if r.cell.arm == arm]
                    for split in ("train", "validation")
                ]
                known = [[value for value in values if value is not None] for values in losses]
                if all(known) and isinstance(trial.overrides[field], (int, float)):
                    lines.setdefault(name, {})[float(trial.overrides[field])] = tuple(known)
        if not lines:
            return None
        path = self.folder / f"strength-{field}.png"
        plot_strength(lines, field, path)
        return HtmlImage(path, f"loss of training and validation against {field}")
