"""A detector that starts from given weights, as far as they fit."""

import json
from pathlib import Path

import paddle

from common.checksums import file_sha256
from common.errors import UserError
from common.tensor_file import read_tensors, tensor_shapes
from common.training.run_folder import ORIGIN, write_csv, write_text
from tasks.pcb.given_weights import describe, match, weights_file

NOT_LOADED = "weights_not_loaded.csv"


def load_weights(model: paddle.nn.Layer, weights: str, assets: Path) -> None:
    """Set the weights of ``model`` that ``weights`` has by name and shape, and say which it has not.

    Args:
        weights: a safetensors file, or a folder with one.
        assets: folder for ``weights.json``, which tells where the weights came from, and for the list
            of those that were not loaded.

    Raises:
        UserError: the file is missing or damaged, or none of its weights fits.
    """
    file = weights_file(weights)
    found = tensor_shapes(file)
    state = model.state_dict()
    expected = {name: list(tensor.shape) for name, tensor in state.items()}
    sources, left = match(found, expected)
    if not sources:
        raise UserError(
            f"model.weights: {file}: found {len(found)} weights, none of which fits; "
            f"expected names and shapes such as {next(iter(expected))} {next(iter(expected.values()))}"
        )
    arrays = read_tensors(file, sources.values())
    for name, source in sources.items():
        state[name].set_value(arrays[source])
    origin = {"file": str(file), "sha256": file_sha256(file), "revision": None}
    write_text(assets / ORIGIN, json.dumps(origin, indent=2) + "\n")
    print(f"model.weights: {file}: {len(sources)} of {len(expected)} weights of the network loaded")
    (assets / NOT_LOADED).unlink(missing_ok=True)
    if left:
        write_csv(assets / NOT_LOADED, [weight.row() for weight in left])
        print(f"not loaded: {describe(left)}; all in {assets / NOT_LOADED}")
