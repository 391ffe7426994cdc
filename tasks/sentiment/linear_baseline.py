"""TF-IDF with logistic regression: what a user would pick instead, and what has to be beaten."""

import json
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from common.evaluation.classification import classification_metrics
from common.training.run_folder import RunFolder, write_text
from tasks.sentiment.config import SELECTION_METRIC
from tasks.sentiment.data import Data, Review, labels_of

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
# Texts on which they are compared; on more of them six fits would last as long as a training.
SEARCHED = 20_000


def features_of(texts: Sequence[str]) -> TfidfVectorizer:
    """Character 1-3-grams with the vocabulary and the inverse document frequencies of texts."""
    return TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True).fit(texts)


def fit_linear_baseline(
    data: Data, searched: int = SEARCHED, features: Optional[TfidfVectorizer] = None
) -> tuple[Pipeline, float]:
    """Character 1-3-grams and logistic regression, C chosen on validation by the selection metric.

    Args:
        searched: training texts on which the strengths are compared; the chosen one is fitted on all.
        features: fitted, such as on many texts without labels; by default those of the training texts.

    Returns:
        the fitted pipeline and its C, the inverse strength of the L2 penalty.
    """
    train = data.splits["train"]
    # They come in the order of their hashes, so the first are a random part.
    fitted = _fit(train[:searched], STRENGTHS, features)
    scores = [evaluate(pipeline, data, "validation")[SELECTION_METRIC] for pipeline in fitted]
    best = int(np.argmax(scores))
    pipeline = fitted[best] if len(train) <= searched else _fit(train, (STRENGTHS[best],), features)[0]
    return pipeline, STRENGTHS[best]


def describe_choice(strength: float, texts: int, searched: int = SEARCHED) -> str:
    """How C was chosen, for the report.

    Args:
        texts: of the training split.
    """
    fitted_on = f", fitted on {searched:,} of the {texts:,} texts for that" if texts > searched else ""
    at_edge = strength in (STRENGTHS[0], STRENGTHS[-1])
    edge = ", the edge of what was tried, so that one beyond it may be better" if at_edge else ""
    return f"C = {strength:g} chosen on validation{fitted_on}{edge}."


def _fit(
    reviews: list[Review], strengths: Sequence[float], features: Optional[TfidfVectorizer]
) -> list[Pipeline]:
    """A pipeline for each strength."""
    features = features or features_of(_texts(reviews))
    known, labels = features.transform(_texts(reviews)), labels_of(reviews)
    fitted = []
    for strength in strengths:
        # Where a small draw has one class only, nothing can be fitted, and that class is the answer.
        model = LogisticRegression(C=strength, max_iter=1000) if len(set(labels)) > 1 else DummyClassifier()
        fitted.append(make_pipeline(features, model.fit(known, labels)))
    return fitted


def evaluate(pipeline: Pipeline, data: Data, split: str) -> dict[str, float]:
    """Classification metrics of a split."""
    reviews = data.splits[split]
    return classification_metrics(labels_of(reviews), probabilities_of(pipeline, reviews, len(data.classes)))


def probabilities_of(pipeline: Pipeline, reviews: list[Review], classes: int) -> np.ndarray:
    """Probabilities, float [reviews, classes], that a pipeline gives to texts."""
    probabilities = np.zeros((len(reviews), classes))
    # A class without a training text has no column of its own.
    probabilities[:, pipeline[-1].classes_] = pipeline.predict_proba(_texts(reviews))
    return probabilities


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
