"""TF-IDF with logistic regression: what a user would pick instead, and what has to be beaten."""

import json
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from common.evaluation.classification import classification_metrics
from common.training.run_folder import RunFolder, write_text
from tasks.sentiment.config import SELECTION_METRIC
from tasks.sentiment.data import Data, Review

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


def fit_linear_baseline(data: Data) -> tuple[Pipeline, float]:
    """Character 1-3-grams and logistic regression, C chosen on validation by the selection metric.

    Returns:
        the fitted pipeline and its C, the inverse strength of the L2 penalty.
    """
    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    known = features.fit_transform(_texts(data.splits["train"]))
    labels = _labels(data.splits["train"])
    fitted = []
    for strength in STRENGTHS:
        # Where a small draw has one class only, nothing can be fitted, and that class is the answer.
        model = LogisticRegression(C=strength, max_iter=1000) if len(set(labels)) > 1 else DummyClassifier()
        pipeline = make_pipeline(features, model.fit(known, labels))
        fitted.append((evaluate(pipeline, data, "validation")[SELECTION_METRIC], strength, pipeline))
    _, strength, pipeline = max(fitted, key=lambda found: found[0])
    return pipeline, strength


def evaluate(pipeline: Pipeline, data: Data, split: str) -> dict[str, float]:
    """Classification metrics of a split."""
    reviews = data.splits[split]
    probabilities = np.zeros((len(reviews), len(data.classes)))
    # A class without a training text has no column of its own.
    probabilities[:, pipeline[-1].classes_] = pipeline.predict_proba(_texts(reviews))
    return classification_metrics(_labels(reviews), probabilities)


def linear_baseline_metrics(run: RunFolder, data: Data, splits: list[str]) -> dict[str, Any]:
    """Metrics by split, and ``C``; fitted once a run and kept in ``linear_baseline.json``."""
    file = run.path / "linear_baseline.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if not set(splits) <= set(kept):
        pipeline, kept["C"] = fit_linear_baseline(data)
        kept.update({split: evaluate(pipeline, data, split) for split in splits})
        write_text(file, json.dumps(kept, indent=2) + "\n")
    return kept


def _texts(reviews: list[Review]) -> list[str]:
    return [review.text for review in reviews]


def _labels(reviews: list[Review]) -> np.ndarray:
    return np.array([review.label for review in reviews])
