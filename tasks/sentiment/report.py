"""What the report of a sentiment run shows beside metrics and curves, from its predictions."""

import numpy as np
import pandas as pd

from common.evaluation.classification import calibration_bins, classification_metrics
from common.reporting.page import HtmlImage, HtmlTable, Section
from common.reporting.plots import plot_reliability
from common.reporting.tables import show
from common.table_file import read_table
from common.training.run_folder import RunFolder
from tasks.sentiment.config import HEADLINE_METRICS, Config
from tasks.sentiment.data import Data
from tasks.sentiment.linear_baseline import describe_choice, linear_baseline_metrics

MISTAKES_SHOWN = 20


def report_sections(run: RunFolder, data: Data, config: Config) -> list[Section]:
    """Sections for every split whose predictions are in the run's folder, training's left out."""
    splits = [split for split in ("validation", "test") if run.predictions(split).exists()]
    sections = [_comparison(run, data, splits)] if splits else []
    for split in splits:
        rows = read_table(run.predictions(split), ("label", "predicted", "text"), text=True)
        sections += _split_sections(run, split, rows, data.classes, config.data.group_column)
    return sections


def _comparison(run: RunFolder, data: Data, splits: list[str]) -> Section:
    linear = linear_baseline_metrics(run, data, splits)
    metrics = run.metrics()
    names = [name for name in HEADLINE_METRICS if name in linear[splits[0]]]
    rows = [
        [f"{name}, {split}", show(metrics[split][name]), show(linear[split][name])]
        for split in splits
        for name in names
    ]
    text = (
        "The same training reviews, TF-IDF of character 1-3-grams and logistic regression, "
        f"{describe_choice(linear['C'], len(data.splits['train']))}"
    )
    return Section("Against a linear model", text, [HtmlTable(["metric", "this run", "TF-IDF"], rows)])


def _split_sections(
    run: RunFolder, split: str, rows: pd.DataFrame, classes: tuple[str, ...], group_column: str
) -> list[Section]:
    probabilities = rows[[f"p_{name}" for name in classes]].to_numpy(float)
    labels = rows["label"].map(classes.index).to_numpy()
    plot = run.path / "plots" / f"reliability_{split}.png"
    plot_reliability(calibration_bins(labels, probabilities), plot)
    image = HtmlImage(plot, "accuracy by confidence, and items a bin")
    sections = [
        *seen_sections(run, split, rows),
        Section(f"Confusion, {split}", tables=[confusion_table(rows, classes)]),
        Section(f"Reliability, {split}", images=[image]),
    ]
    if rows["group"].nunique() > 1:
        table = group_table(rows, labels, probabilities, group_column)
        sections.append(Section(f"By {group_column}, {split}", tables=[table]))
    return [*sections, Section(f"Most confident mistakes, {split}", tables=[mistakes_table(rows, classes)])]


def seen_sections(run: RunFolder, split: str, rows: pd.DataFrame) -> list[Section]:
    """How many texts of a split also stand in training, and the metrics with and without them."""
    seen, metrics = int((rows["seen"] == "True").sum()), run.metrics()[split]
    if not seen:
        return []
    names = [name for name in HEADLINE_METRICS if f"{name}_unseen_texts" in metrics]
    table = [[name, show(metrics[name]), show(metrics[f"{name}_unseen_texts"])] for name in names]
    columns = ["metric", f"all {len(rows):,}", f"the {len(rows) - seen:,} unseen"]
    text = f"{seen:,} of {len(rows):,} texts also stand in training: on these a score is partly memory."
    return [Section(f"Seen in training, {split}", text, [HtmlTable(columns, table)] if names else [])]


def confusion_table(rows: pd.DataFrame, classes: tuple[str, ...]) -> HtmlTable:
    """A row a label, a column a prediction, then precision and recall of the class."""
    counts = pd.crosstab(rows["label"], rows["predicted"]).reindex(
        index=classes, columns=classes, fill_value=0
    )
    right, given, found = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return HtmlTable(
        ["label \\ predicted", *classes, "precision", "recall"],
        [
            [
                name,
                *map(str, counts.loc[name]),
                show(float(right[i] / max(found[name], 1))),
                show(float(right[i] / max(given[name], 1))),
            ]
            for i, name in enumerate(classes)
        ],
    )


def group_table(
    rows: pd.DataFrame, labels: np.ndarray, probabilities: np.ndarray, group_column: str
) -> HtmlTable:
    """A row a group, such as a product category, the worst first."""
    found = []
    for group, part in rows.groupby("group").groups.items():
        metrics = classification_metrics(labels[part], probabilities[part])
        found.append((metrics["accuracy"], group, len(part), metrics["f1_macro"]))
    return HtmlTable(
        [group_column, "reviews", "accuracy", "f1_macro"],
        [[group or "-", str(n), show(accuracy), show(f1)] for accuracy, group, n, f1 in sorted(found)],
    )


def mistakes_table(rows: pd.DataFrame, classes: tuple[str, ...]) -> HtmlTable:
    """The wrong predictions with the highest probability."""
    wrong = rows[rows["label"] != rows["predicted"]].copy()
    wrong["confidence"] = wrong[[f"p_{name}" for name in classes]].astype(float).max(axis=1)
    shown = wrong.sort_values("confidence", ascending=False, kind="stable").head(MISTAKES_SHOWN)
    return HtmlTable(
        ["text", "label", "predicted", "probability"],
        [[r["text"], r["label"], r["predicted"], show(r["confidence"])] for _, r in shown.iterrows()],
    )
