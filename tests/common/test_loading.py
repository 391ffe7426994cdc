"""Batches, read ahead by a thread or by processes."""

import numpy as np
import paddle
import pytest

from common.errors import UserError
from common.training.loading import load_batches


class Samples(paddle.io.Dataset):
    """The number of each sample, twice; the seventh cannot be read."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 7:
            raise UserError("7.jpg: found 6 bytes that are no picture")
        return index, index


def collate(samples):
    return [np.array(column) for column in zip(*samples)]


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_come_in_order(workers):
    batches = load_batches(Samples(), collate, [[3, 1], [2]], workers)
    assert [batch[0].tolist() for batch in batches] == [[3, 1], [2]]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_that_cannot_be_read_says_so_after_the_batches_before_it(workers):
    batches = load_batches(Samples(), collate, [[0, 1], [6, 7], [2, 3]], workers)
    assert next(batches)[0].tolist() == [0, 1]
    with pytest.raises(UserError, match="^7.jpg: found 6 bytes that are no picture$"):
        list(batches)
