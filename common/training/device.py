"""Where a run computes: processor or GPU, one process or several."""

import contextlib
import itertools
import time

import paddle

from common.config_fields import Loop
from common.errors import UserError
from common.training.device_check import require_device

WAIT_SECONDS = 0.05
# Every process counts the same ones, since all come to each.
_MEETINGS = itertools.count()


def select_device(train: Loop) -> str:
    """Make Paddle use ``train.device`` and return it; ``auto`` is a GPU where there is one.

    Raises:
        UserError: the device does not exist, or ``train.amp`` is asked for on a processor,
            where Paddle would ignore it silently.
    """
    gpus = paddle.device.cuda.device_count() if paddle.device.is_compiled_with_cuda() else 0
    require_device(train, gpu=gpus > 0)
    device = train.device
    if device == "auto":
        device = "gpu" if gpus else "cpu"
    index = int(device.partition(":")[2] or 0)
    if device.startswith("gpu:") and index >= gpus:
        raise UserError(f"train.device: found {device}, expected gpu:0 to gpu:{gpus - 1}")
    if device.startswith("gpu:") and world_size() > 1:
        raise UserError(f"train.device: found {device} for {world_size()} processes, expected gpu")
    if device == "gpu" and world_size() > 1:
        device = f"gpu:{paddle.distributed.ParallelEnv().device_id}"
    paddle.set_device(device)
    if device == "cpu":
        # A transpose as a view makes every operation behind it slow on a processor; as a copy it is
        # cheap. BERT trains about 1.3 times as fast.
        paddle.set_flags({"FLAGS_use_stride_kernel": False})
    return device


def world_size() -> int:
    """Processes that train together; 1 without ``python -m paddle.distributed.launch``."""
    return paddle.distributed.get_world_size()


def rank() -> int:
    """Number of this process, from 0; the process 0 evaluates and writes."""
    return paddle.distributed.get_rank()


def parallelize(model: paddle.nn.Layer, device: str) -> paddle.nn.Layer:
    """``model``, or its DataParallel wrapper in one of several processes.

    On GPUs batch normalisation then takes its statistics over all processes. The gradient of
    an update is the mean over processes.
    """
    if world_size() == 1:
        return model
    if not paddle.distributed.is_initialized():
        paddle.distributed.init_parallel_env()
    if device.startswith("gpu"):
        paddle.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return paddle.DataParallel(model, find_unused_parameters=True)


def without_synchronisation(model: paddle.nn.Layer):
    """Context in which a backward pass adds to local gradients only; for accumulation."""
    return model.no_sync() if isinstance(model, paddle.DataParallel) else contextlib.nullcontext()


def any_process(flag: bool) -> bool:
    """Whether ``flag`` is set in any process, known to all of them."""
    if world_size() == 1:
        return flag
    total = paddle.to_tensor([int(flag)])
    paddle.distributed.all_reduce(total)
    return bool(total.item() > 0)


def sum_over_processes(value: float) -> float:
    """Sum of ``value`` over the processes."""
    if world_size() == 1:
        return value
    total = paddle.to_tensor([value], dtype="float64")
    paddle.distributed.all_reduce(total)
    return float(total.item())


def wait_for_all() -> None:
    """Return when every process has come here, however long one evaluates before.

    By the store in which the processes met: a barrier of gloo, the library that joins processors, gives up
    after 30 seconds. Of a process that has died Paddle's launcher knows, and ends the others. The process 0
    keeps the store and has to outlive the last meeting, as it does by writing the report.
    """
    if world_size() == 1:
        return
    store = paddle.base.core.create_or_get_global_tcp_store()
    key = f"wait_for_all/{next(_MEETINGS)}"
    store.add(key, 1)
    while store.add(key, 0) < world_size():
        time.sleep(WAIT_SECONDS)
