"""What the report of a pretraining run shows beside metrics and curves."""

from collections.abc import Callable

import pandas as pd

from common.reporting.page import HtmlTable, Section
from common.reporting.tables import show
from common.training.run_folder import RunFolder
from tasks.sentiment.pretraining.data import Data

# Which texts are held out depends on which others there are.
CONTINUED = (
    "The encoder that the run went on from may have been trained on some of these texts: what has not been "
    "seen is measured only on corpora that it had not read."
)


def report_sections(
    run: RunFolder, data: Data, metrics_of: Callable[[dict[str, float]], dict[str, float]], continued: bool
) -> list[Section]:
    """Held-out metrics by corpus, and what came from each corpus and was left out by which rule.

    Args:
        metrics_of: from sums over any held-out pieces.
        continued: whether the run went on from an encoder.
    """
    counts = data.counts()["corpora"]
    columns = list(dict.fromkeys(name for row in counts.values() for name in row))
    rows = [[name, *(f"{row.get(column, 0):,}" for column in columns)] for name, row in counts.items()]
    text = (
        f"Left out were texts that are empty, stand in a corpus above, or give away an evaluation text; "
        f"the last are listed by hash in {run.assets.name}/removed_texts.csv."
    )
    return [
        Section(
            "Held-out texts by corpus", CONTINUED if continued else "", tables=[_by_corpus(run, metrics_of)]
        ),
        Section("Corpora", text, [HtmlTable(["corpus", *columns], rows)]),
    ]


def _by_corpus(run: RunFolder, metrics_of: Callable[[dict[str, float]], dict[str, float]]) -> HtmlTable:
    sums = pd.read_csv(run.predictions("validation")).groupby("corpus", sort=False).sum()
    # Of a few short texts no token may be hidden.
    found = {name: metrics_of(row.to_dict()) if row["masked"] else {} for name, row in sums.iterrows()}
    columns = list(dict.fromkeys(column for metrics in found.values() for column in metrics))
    rows = [[name, *(show(metrics.get(column)) for column in columns)] for name, metrics in found.items()]
    return HtmlTable(["corpus", *columns], rows)
