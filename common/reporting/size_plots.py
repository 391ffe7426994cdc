"""Sizes of boxes: how many there are of each, and their shapes beside the anchors."""

from pathlib import Path
from typing import Optional

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator  # noqa: E402

from common.reporting.figures import save_figure  # noqa: E402

BINS = 40
MOST_DOTS = 5000


def plot_box_sizes(sizes: dict[str, np.ndarray], anchors: Optional[np.ndarray], path: Path) -> None:
    """Histograms of the roots of areas at the left, widths against heights at the right.

    Args:
        sizes: by name, widths and heights, float [n, 2], pixels; those of no box are left out.
        anchors: likewise [anchors, 2], drawn as crosses at the right.
    """
    sizes = {name: several for name, several in sizes.items() if len(several)}
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    roots = {name: np.sqrt(several.prod(axis=1)) for name, several in sizes.items()}
    least, most = (f(map(f, roots.values())) for f in (min, max))
    edges = np.geomspace(least * 0.95, most * 1.05, BINS)
    for number, (name, several) in enumerate(sizes.items()):
        colour = f"C{number}"
        left.hist(roots[name], edges, density=True, histtype="step", color=colour, label=name)
        dots = several[:: -(-len(several) // MOST_DOTS)]
        right.plot(*dots.T, ".", ms=3, alpha=0.4, color=colour, label=name)
    if anchors is not None:
        right.plot(*np.asarray(anchors).T, "x", ms=9, mew=2, color="black", label="anchors")
    left.set(xscale="log", xlabel="root of the area, pixels", ylabel="density")
    right.set(xscale="log", yscale="log", xlabel="width, pixels", ylabel="height, pixels")
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend()
    for scale in (left.xaxis, right.xaxis, right.yaxis):
        scale.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 7)))
        scale.set_minor_locator(NullLocator())
        scale.set_major_formatter(FormatStrFormatter("%g"))
    save_figure(figure, path, 110)
