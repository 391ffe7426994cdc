"""Accuracy of TF-IDF with logistic regression by number of labels: what an encoder has to beat."""

from common import runtime

runtime.prepare()

from argparse import Namespace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Optional  # noqa: E402

from common.errors import ArgumentParser, UserError, refused_writing, run_command  # noqa: E402
from tasks import runs  # noqa: E402
from tasks.sentiment.data import DataReader  # noqa: E402


def main() -> None:
    """Fit a model for each number of labels and each seed, and print means and deviations."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--train-size", type=int, nargs="+", default=[500, 1000, 3000], help="labelled texts")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="draws of them")
    parser.add_argument(
        "--unlabelled",
        nargs="+",
        default=[],
        help="corpora, as in pretrain.yaml, that give vocabulary and IDF, without what gives a validation or "
        "test text away, as in pretraining; without corpora the labelled texts do",
    )
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--output", type=Path, help="CSV file for the metrics of each fit, or the gains")
    parser.add_argument(
        "--against",
        type=Path,
        nargs="+",
        help="runs of one recipe with any numbers of labels and seeds, instead of --train-size and --seeds",
    )
    arguments, config = runs.parse_arguments(parser)
    check(arguments, config)
    reader = DataReader(runs.data_root(arguments.data_root))
    if arguments.against:
        rows = shown = comparison(arguments.against, arguments.split, reader, arguments.unlabelled)
        title = f"accuracy, {arguments.split}; gain of the runs with its 95 % interval"
    else:
        features = unlabelled_features(arguments.unlabelled, config, reader)
        seeds = list(dict.fromkeys(arguments.seeds))
        rows = [
            fit(config, size, seed, arguments.split, reader, features)
            for size in dict.fromkeys(arguments.train_size)
            for seed in seeds
        ]
        shown, title = means(rows), f"{arguments.split}, {len(seeds)} seeds"

    from common.reporting.tables import rows_table
    from common.training.run_folder import write_csv

    rounded = [{k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in shown]
    print(rows_table(rounded, title))
    if arguments.output is not None:
        with refused_writing(arguments.output):
            write_csv(arguments.output, rows)


def check(arguments: Namespace, config: Any) -> None:
    """Refuse flags that cannot be followed, before anything is fitted."""
    require_sentiment(arguments.config, config)
    if arguments.output is not None and not arguments.output.parent.is_dir():
        raise UserError(f"--output: {arguments.output.parent}: no such folder, expected one for the CSV file")
    for flag, given, least in (("--train-size", arguments.train_size, 1), ("--seeds", arguments.seeds, 0)):
        if min(given) < least:
            raise UserError(f"{flag}: found {min(given)}, expected {least} or more")


def require_sentiment(place: Path, config: Any) -> None:
    """Refuse the configuration of another task."""
    if config.task != "sentiment":
        raise UserError(f"{place}: task: found {config.task}, expected sentiment")


def comparison(
    folders: list[Path], split: str, reader: DataReader, unlabelled: list[str]
) -> list[dict[str, Any]]:
    """Accuracies of runs beside those of linear models on the same texts, and the gain's interval."""
    from common.training.run_folder import RunFolder
    from tasks.sentiment.linear_comparison import compare_with_linear_baseline

    found = [RunFolder(folder) for folder in folders]
    configs = [(run, runs.config_of_run(run)) for run in found]
    for run, config in configs:
        require_sentiment(run.path, config)
    features = unlabelled_features(unlabelled, configs[0][1], reader)
    return compare_with_linear_baseline(configs, split, reader, features)


def unlabelled_features(names: list[str], config: Any, reader: DataReader) -> Optional[Any]:
    """Features fitted on corpora, without what gives a validation or test text of a configuration away.

    None for no corpora.
    """
    if not names:
        return None
    from tasks.sentiment.linear_baseline import features_of
    from tasks.sentiment.pretraining.corpus import read_corpus
    from tasks.sentiment.pretraining.decontamination import Evaluation, normalise

    texts = [text for name in names for text in read_corpus(name, config.data.text_column, reader.data_root)]
    splits = reader.read(config).splits
    evaluation = Evaluation(normalise(r.text) for name in ("validation", "test") for r in splits[name])
    broken = evaluation.broken_rules([normalise(text) for text in texts])
    kept = [text for text, rule in zip(texts, broken) if rule is None]
    print(
        f"{len(kept):,} unlabelled texts; left out {len(texts) - len(kept):,} that give evaluation texts away"
    )
    if not kept:
        raise UserError(
            f"--unlabelled: found no text in {', '.join(names)} but evaluation texts, expected some"
        )
    return features_of(kept)


def fit(
    config: Any, size: int, seed: int, split: str, reader: DataReader, features: Optional[Any]
) -> dict[str, Any]:
    """Size, seed, the chosen C and the metrics of a split."""
    from dataclasses import replace

    from tasks.sentiment.linear_baseline import evaluate, fit_linear_baseline

    drawn = replace(config, data=replace(config.data, train_size=size, seed=seed))
    data = reader.read(drawn)
    pipeline, strength = fit_linear_baseline(data, features=features)
    return {"labels": size, "seed": seed, "C": strength, **evaluate(pipeline, data, split)}


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a number of labels: means over seeds, and standard deviations."""
    import pandas as pd

    summary = pd.DataFrame(rows).groupby("labels")[["accuracy", "f1_macro"]].agg(["mean", "std"])
    summary.columns = [" ".join(names) for names in summary.columns]
    return summary.reset_index().to_dict("records")


if __name__ == "__main__":
    run_command(main)
