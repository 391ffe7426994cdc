"""Batches, read while the network computes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import paddle

from common.errors import UserError


def load_batches(
    dataset: paddle.io.Dataset,
    collate: Callable[[list], Any],
    batches: Sequence[Sequence[int]],
    workers: int,
) -> Iterator[list[paddle.Tensor]]:
    """The batches whose sample indices are given, in their order, each as two tensors or more.

    With ``workers`` processes Paddle's DataLoader reads ahead; with none a thread reads one
    batch ahead. (The DataLoader's own thread hangs for good when a sample cannot be read.)

    Raises:
        UserError: a sample cannot be read.
    """
    if workers == 0:
        yield from _load_in_thread(dataset, collate, batches)
        return
    loader = paddle.io.DataLoader(
        _Guarded(dataset),
        batch_sampler=list(batches),
        collate_fn=partial(_collate_or_message, collate),
        num_workers=workers,
        return_list=True,
    )
    for batch in loader:
        if len(batch) == 1:
            raise UserError(batch[0].numpy().tobytes().decode())
        yield batch


class _Guarded(paddle.io.Dataset):
    """Samples, or the error in their place: what a worker raises would arrive as a traceback."""

    def __init__(self, dataset: paddle.io.Dataset):
        super().__init__()
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except UserError as error:
            return error


def _collate_or_message(collate: Callable[[list], Any], samples: list) -> Any:
    for sample in samples:
        if isinstance(sample, UserError):
            return [np.frombuffer(str(sample).encode(), np.uint8)]
    return collate(samples)


def _load_in_thread(dataset, collate, batches) -> Iterator[list[paddle.Tensor]]:
    def load(samples: Sequence[int]) -> Any:
        return collate([dataset[int(index)] for index in samples])

    with ThreadPoolExecutor(max_workers=1) as thread:
        ahead = None
        for samples in [*batches, None]:
            ready, ahead = ahead, thread.submit(load, samples) if samples is not None else None
            if ready is not None:
                yield [paddle.to_tensor(array) for array in ready.result()]
