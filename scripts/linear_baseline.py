"""Accuracy of TF-IDF with logistic regression by number of labels: what an encoder has to beat."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402
from typing import Any, Optional  # noqa: E402

from common.errors import ArgumentParser, UserError, run_command  # noqa: E402
from tasks import runs  # noqa: E402


def main() -> None:
    """Fit a model for each number of labels and each seed, and print means and deviations."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--train-size", type=int, nargs="+", default=[500, 1000, 3000], help="labelled texts")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="draws of them")
    parser.add_argument(
        "--unlabelled",
        nargs="+",
        default=[],
        help="corpora, as in pretrain.yaml, that give vocabulary and IDF; without them the labelled texts do",
    )
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--output", type=Path, help="CSV file for the metrics of each fit")
    parser.add_argument(
        "--against",
        type=Path,
        nargs="+",
        help="runs of one recipe with any numbers of labels and seeds, instead of --train-size and --seeds",
    )
    arguments, config = runs.parse_arguments(parser)
    require_sentiment(arguments.config, config)
    if arguments.output is not None and not arguments.output.parent.is_dir():
        raise UserError(f"--output: {arguments.output.parent}: no such folder, expected one for the CSV file")
    for flag, given, least in (("--train-size", arguments.train_size, 1), ("--seeds", arguments.seeds, 0)):
        if min(given) < least:
            raise UserError(f"{flag}: found {min(given)}, expected {least} or more")
    root = runs.data_root(arguments.data_root)
    features = unlabelled_features(arguments.unlabelled, config.data.text_column, root)
    if arguments.against:
        show_comparison(arguments.against, arguments.split, root, features)
        return
    rows = [
        fit(config, size, seed, arguments.split, root, features)
        for size in arguments.train_size
        for seed in arguments.seeds
    ]

    import pandas as pd

    from common.reporting.tables import rows_table

    table = pd.DataFrame(rows)
    if arguments.output is not None:
        table.to_csv(arguments.output, index=False)
    summary = table.groupby("labels")[["accuracy", "f1_macro"]].agg(["mean", "std"])
    summary.columns = [" ".join(names) for names in summary.columns]
    found = summary.reset_index().to_dict("records")
    rounded = [{k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in found]
    print(rows_table(rounded, f"{arguments.split}, {len(arguments.seeds)} seeds"))


def require_sentiment(place: Path, config: Any) -> None:
    """Refuse the configuration of another task."""
    if config.task != "sentiment":
        raise UserError(f"{place}: task: found {config.task}, expected sentiment")


def show_comparison(folders: list[Path], split: str, root: Path, features: Optional[Any]) -> None:
    """Print accuracies of runs beside those of linear models on the same texts, and the gain's interval."""
    from common.reporting.tables import rows_table
    from common.training.run_folder import RunFolder
    from tasks.sentiment.linear_comparison import compare_with_linear_baseline

    found = [RunFolder(folder) for folder in folders]
    configs = [(run, runs.trained_config(run)) for run in found]
    for run, config in configs:
        require_sentiment(run.path, config)
    rows = compare_with_linear_baseline(configs, split, root, features)
    rounded = [{k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    print(rows_table(rounded, f"accuracy, {split}; gain of the runs with its 95 % interval"))


def unlabelled_features(names: list[str], text_column: str, root: Path) -> Optional[Any]:
    """Features fitted on corpora; None for none."""
    from tasks.sentiment.linear_baseline import features_of
    from tasks.sentiment.pretraining.corpus import read_corpus

    texts = [text for name in names for text in read_corpus(name, text_column, root)]
    return features_of(texts) if texts else None


def fit(config: Any, size: int, seed: int, split: str, root: Path, features: Optional[Any]) -> dict[str, Any]:
    """Size, seed, the chosen C and the metrics of a split."""
    from dataclasses import replace

    from tasks.sentiment.linear_baseline import evaluate, fit_linear_baseline

    drawn = replace(config, data=replace(config.data, train_size=size, seed=seed))
    data = runs.load_data(drawn, root)
    pipeline, strength = fit_linear_baseline(data, features=features)
    return {"labels": size, "seed": seed, "C": strength, **evaluate(pipeline, data, split)}


if __name__ == "__main__":
    run_command(main)
