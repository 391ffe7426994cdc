"""What the report of a pretraining run shows beside metrics and curves."""

from collections.abc import Callable

import pandas as pd

from common.reporting.page import HtmlTable, Section
from common.reporting.tables import show
from common.training.run_folder import RunFolder
from tasks.sentiment.pretraining.data import Data


def report_sections(
    run: RunFolder, data: Data, metrics_of: Callable[[dict[str, float]], dict[str, float]]
) -> list[Section]:
    """Held-out metrics by corpus, and what came from each corpus and was left out by which rule."""
    counts = data.counts()["corpora"]
    columns = list(dict.fromkeys(name for row in counts.values() for name in row))
    rows = [[name, *(f"{row.get(column, 0):,}" for column in columns)] for name, row in counts.items()]
    text = (
        f"Left out were texts that are empty, stand in a corpus above, or give away an evaluation text; "
        f"the last are listed by hash in {run.assets.name}/removed_texts.csv."
    )
    return [
        Section("Held-out texts by corpus", tables=[_by_corpus(run, metrics_of)]),
        Section("Corpora", text, [HtmlTable(["corpus", *columns], rows)]),
    ]


def _by_corpus(run: RunFolder, metrics_of: Callable[[dict[str, float]], dict[str, float]]) -> HtmlTable:
    sums = pd.read_csv(run.predictions("validation")).groupby("corpus", sort=False).sum()
    # Of a few short texts no token may be hidden.
    found = {name: metrics_of(row.to_dict()) if row["masked"] else {} for name, row in sums.iterrows()}
    columns = list(dict.fromkeys(column for metrics in found.values() for column in metrics))
    rows = [[name, *(show(metrics.get(column)) for column in columns)] for name, metrics in found.items()]
    return HtmlTable(["corpus", *columns], rows)
