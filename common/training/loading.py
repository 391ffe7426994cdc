"""Batches, read while the network computes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import paddle

from common.errors import UserError


def load_batches(
    dataset: paddle.io.Dataset,
    collate: Callable[[list], Any],
    batches: Sequence[Sequence[int]],
    workers: int,
) -> Iterator[list[paddle.Tensor]]:
    """The batches whose sample indices are given, in their order, as tensors.

    With ``workers`` processes Paddle's DataLoader reads ahead; with none a thread reads one
    batch ahead. (The DataLoader's own thread hangs for good when a sample cannot be read.)

    Raises:
        UserError: a sample cannot be read.
    """
    if workers == 0:
        yield from _load_in_thread(dataset, collate, batches)
        return
    loader = paddle.io.DataLoader(
        dataset, batch_sampler=list(batches), collate_fn=collate, num_workers=workers, return_list=True
    )
    try:
        yield from loader
    except UserError as error:
        # A worker's error arrives as its whole traceback; the last line is the message.
        raise UserError(str(error).strip().splitlines()[-1].partition("UserError: ")[2]) from None


def _load_in_thread(dataset, collate, batches) -> Iterator[list[paddle.Tensor]]:
    def load(samples: Sequence[int]) -> Any:
        return collate([dataset[int(index)] for index in samples])

    with ThreadPoolExecutor(max_workers=1) as thread:
        ahead = None
        for samples in [*batches, None]:
            ready, ahead = ahead, thread.submit(load, samples) if samples is not None else None
            if ready is not None:
                yield [paddle.to_tensor(array) for array in ready.result()]
