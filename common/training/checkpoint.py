"""Checkpoints: one safetensors file each, replaced atomically.

Weights are stored as ``model/NAME``, optimizer state as ``optimizer/NAME/SLOT`` under the
structured name of its parameter (Paddle's own keys change with the order in which layers
were built), an average of the weights as ``average/NAME``, and the state of the loop as JSON
in the file's header.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from safetensors import SafetensorError, safe_open

from common.errors import UserError
from common.tensor_file import write_tensors


def save_checkpoint(path: Path, model, state: dict[str, Any], optimizer=None, average=None) -> None:
    """Write weights, ``state`` (anything JSON can say) and, if given, optimizer and average.

    A reader sees the old file or the new one, never a part: the file is written beside its
    place and moved there.
    """
    tensors = {f"model/{name}": tensor.numpy() for name, tensor in model.state_dict().items()}
    if optimizer is not None:
        tensors.update(_optimizer_tensors(model, optimizer))
    if average is not None:
        tensors.update({f"average/{name}": tensor.numpy() for name, tensor in average.tensors.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_tensors(path, contiguous, {"state": json.dumps(state)})


def load_checkpoint(path: Path, model, optimizer=None, average=None) -> dict[str, Any]:
    """Fill ``model`` and, if given, ``optimizer`` and ``average`` from ``path``; return the saved state.

    Raises:
        UserError: no such file, not a checkpoint, or weights that do not fit the model.
    """
    if not path.exists():
        raise UserError(f"{path}: no such checkpoint, expected one that train.py has written")
    try:
        with safe_open(str(path), framework="numpy") as file:
            state = json.loads((file.metadata() or {})["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError) as error:
        raise UserError(f"{path}: is not a checkpoint of this project ({error})") from None
    _load_model(path, model, tensors)
    if optimizer is not None:
        _load_optimizer(model, optimizer, tensors)
    if average is not None:
        average.restore({name: tensors[f"average/{name}"] for name in average.tensors})
    return state


def _load_model(path: Path, model, tensors: dict[str, np.ndarray]) -> None:
    weights = {name[len("model/") :]: a for name, a in tensors.items() if name.startswith("model/")}
    for name, tensor in model.state_dict().items():
        if name not in weights:
            raise UserError(f"{path}: has no weight {name}, which the configured model needs")
        if list(weights[name].shape) != list(tensor.shape):
            found, expected = list(weights[name].shape), list(tensor.shape)
            raise UserError(f"{path}: weight {name}: found shape {found}, expected {expected}")
    model.set_state_dict(weights)


def _optimizer_tensors(model, optimizer) -> dict[str, np.ndarray]:
    slots = {}
    state = optimizer.state_dict()
    for name, parameter in model.named_parameters():
        for key, tensor in state.items():
            if key.startswith(f"{parameter.name}_") and hasattr(tensor, "numpy"):
                slots[f"optimizer/{name}/{key[len(parameter.name) + 1 :]}"] = tensor.numpy()
        master = state.get("master_weights", {}).get(parameter.name)
        if master is not None:
            slots[f"optimizer/{name}/master_weight"] = master.numpy()
    return slots


def _load_optimizer(model, optimizer, tensors: dict[str, np.ndarray]) -> None:
    generated = {name: parameter.name for name, parameter in model.named_parameters()}
    state: dict[str, Any] = {}
    for key, array in tensors.items():
        if not key.startswith("optimizer/"):
            continue
        name, _, slot = key[len("optimizer/") :].rpartition("/")
        tensor = paddle.to_tensor(array)
        if slot == "master_weight":
            state.setdefault("master_weights", {})[generated[name]] = tensor
        else:
            tensor.name = f"{generated[name]}_{slot}"
            state[tensor.name] = tensor
    optimizer.set_state_dict(state)
