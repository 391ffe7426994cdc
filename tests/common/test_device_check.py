"""Devices and precisions that are refused before Paddle is imported."""

import pytest

from common.config_fields import Train
from common.errors import UserError
from common.training.device import select_device
from common.training.device_check import is_processor_build, require_device


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ({"paddlepaddle"}, True),
        ({"paddlepaddle-gpu"}, False),
        ({"paddlepaddle", "paddlepaddle-gpu"}, False),
        (set(), False),
    ],
)
def test_only_the_package_for_processors_alone_rules_a_gpu_out(packages, expected):
    assert is_processor_build(packages.__contains__) is expected


@pytest.mark.parametrize(
    ("fields", "gpu", "message"),
    [
        ({"device": "gpu"}, False, "train.device: found gpu, but this Paddle sees no GPU; expected cpu"),
        ({"device": "gpu:1"}, False, "train.device: found gpu:1"),
        ({"amp": "bf16"}, False, "train.amp: found bf16 on a CPU, where Paddle ignores it; expected off"),
        ({"amp": "fp16", "device": "cpu"}, True, "train.amp: found fp16 on a CPU"),
    ],
)
def test_what_needs_a_gpu_is_refused_without_one(fields, gpu, message):
    with pytest.raises(UserError, match=message):
        require_device(Train(**fields), gpu)


@pytest.mark.parametrize("fields", [{"device": "gpu"}, {"amp": "bf16"}, {"amp": "fp16", "device": "gpu:0"}])
def test_what_needs_a_gpu_is_accepted_with_one(fields):
    require_device(Train(**fields), gpu=True)


def test_paddle_says_the_same_where_only_it_can_know():
    import paddle

    if paddle.device.is_compiled_with_cuda() and paddle.device.cuda.device_count():
        pytest.skip("there is a GPU")
    with pytest.raises(UserError, match="train.amp: found bf16 on a CPU"):
        select_device(Train(amp="bf16"))
