"""What can be said of the device that a run asks for; no Paddle here, which takes seconds to import."""

from importlib.metadata import PackageNotFoundError, version

from common.config_fields import Loop
from common.errors import UserError


def check_device(train: Loop) -> None:
    """Refuse what the installed package of Paddle, or ``train.device: cpu``, rules out.

    Raises:
        UserError: as :func:`require_device`.
    """
    require_device(train, gpu=not is_processor_build(installed))


def require_device(train: Loop, gpu: bool) -> None:
    """Refuse a device that is not there, and mixed precision where Paddle would ignore it silently.

    Args:
        gpu: whether there is a GPU.

    Raises:
        UserError: ``train.device`` asks for a GPU where there is none, or ``train.amp`` is on for a
            processor.
    """
    if train.device.startswith("gpu") and not gpu:
        raise UserError(f"train.device: found {train.device}, but this Paddle sees no GPU; expected cpu")
    if train.amp != "off" and (train.device == "cpu" or not gpu):
        raise UserError(f"train.amp: found {train.amp} on a CPU, where Paddle ignores it; expected off")


def is_processor_build(installed) -> bool:
    """Whether Paddle surely cannot use a GPU: ``paddlepaddle`` alone is installed, under that name.

    Args:
        installed: tells whether a package of a name is.
    """
    return installed("paddlepaddle") and not installed("paddlepaddle-gpu")


def installed(package: str) -> bool:
    """Whether a package of this name is installed."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
