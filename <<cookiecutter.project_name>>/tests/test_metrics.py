"""The metrics, against values computed by hand."""

import numpy as np
import pytest

from src.metrics import accuracy, confusion_matrix, recall

TRUE = np.array([0, 0, 1, 1, 1])
PREDICTED = np.array([0, 1, 1, 1, 0])


def test_accuracy_is_the_share_of_hits():
    assert accuracy(TRUE, PREDICTED) == 0.6


def test_confusion_matrix_has_true_rows_and_predicted_columns():
    counts = confusion_matrix(TRUE, PREDICTED, 3)
    assert counts.tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]


def test_recall_is_the_share_of_hits_of_each_class():
    counts = np.array([[1, 1, 0], [1, 2, 0], [0, 0, 0]])
    assert recall(counts) == pytest.approx([1 / 2, 2 / 3, 1])


@pytest.mark.parametrize("predicted", [np.array([0]), np.array([], dtype=int)])
def test_labels_must_come_in_pairs(predicted):
    with pytest.raises(ValueError, match="equally long"):
        accuracy(TRUE, predicted)
