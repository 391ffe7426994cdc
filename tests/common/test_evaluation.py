"""Classification metrics on cases that can be counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from common.evaluation.classification import classification_metrics, expected_calibration_error


def test_classification_metrics_by_hand():
    labels = np.array([1, 1, 0, 0])
    probabilities = np.array([[0.1, 0.9], [0.6, 0.4], [0.8, 0.2], [0.7, 0.3]])
    metrics = classification_metrics(labels, probabilities)
    assert metrics["accuracy"] == 0.75
    assert metrics["f1_positive"] == pytest.approx(2 / 3)
    assert metrics["f1_macro"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert metrics["precision_macro"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics["recall_macro"] == pytest.approx(0.75)
    assert metrics["loss"] == pytest.approx(log_loss(labels, probabilities))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = np.tile([0.2, 0.8], (10, 1))
    assert expected_calibration_error(np.array([1] * 8 + [0] * 2), probabilities) == pytest.approx(0.0)
    assert expected_calibration_error(np.array([1] * 5 + [0] * 5), probabilities) == pytest.approx(0.3)


def test_three_classes_have_no_positive_f1():
    assert "f1_positive" not in classification_metrics(np.array([0, 1, 2]), np.eye(3))
