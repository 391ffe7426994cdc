"""Writing a layer as an inference model of Paddle, and that as ONNX."""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import paddle

from common.errors import UserError
from common.inference.running import NETWORK_FILES, ONNX_FILE, PARAMETERS_FILE

OPSET = 13
LEAST_ROOM = 2**16


def save_paddle(layer: paddle.nn.Layer, folder: Path, specification: paddle.static.InputSpec) -> None:
    """Write network and parameters, for every size that the specification leaves open.

    Raises:
        OSError: there is no room for them.
    """
    layer.eval()
    with warnings.catch_warnings(), shown_where_it_fails():
        # PaddleNLP asks every tensor for its place; those of a network have none.
        warnings.filterwarnings("ignore", message=".*place.*")
        paddle.jit.save(layer, str(folder / "model"), input_spec=[specification])
    # Paddle says nothing where the disk is full.
    room = folder / "room"
    room.write_bytes(bytes(LEAST_ROOM))
    room.unlink()


@contextlib.contextmanager
def shown_where_it_fails() -> Iterator[None]:
    """Hold back what libraries print, those in C++ too, and show it on standard error where they fail."""
    with tempfile.TemporaryFile() as held:
        kept = {number: os.dup(number) for number in (1, 2)}
        try:
            _direct({number: held.fileno() for number in kept})
            yield
        except BaseException:
            sys.stdout.flush()
            held.seek(0)
            os.write(kept[2], held.read())
            raise
        finally:
            _direct(kept)
            for copy in kept.values():
                os.close(copy)


def _direct(outputs: dict[int, int]) -> None:
    """Let standard output and error go where other file descriptors do."""
    sys.stdout.flush()
    sys.stderr.flush()
    for number, target in outputs.items():
        os.dup2(target, number)


def save_onnx(folder: Path, outputs: dict[str, tuple[Optional[str], ...]], sizes: tuple[str, ...]) -> None:
    """Write ``model.onnx`` from the Paddle model in the folder.

    Args:
        outputs: for each output its name and, by axis, what sizes that are open are to be called.
        sizes: what those of the input are to be called, by axis.

    Raises:
        UserError: paddle2onnx does not work with this Paddle, or cannot convert the model.
    """
    import onnx

    try:
        # It refuses a Paddle that is too old as it is imported.
        import paddle2onnx
    except (ImportError, ValueError) as error:
        raise UserError(f"--format onnx: paddle2onnx cannot be used: {error}") from None
    network = next(folder / name for name in NETWORK_FILES if (folder / name).is_file())
    try:
        # Its optimizer installs packages into this environment; it also acts on written files alone.
        with shown_where_it_fails():
            content = paddle2onnx.export(
                str(network),
                str(folder / PARAMETERS_FILE),
                save_file=None,
                opset_version=OPSET,
                optimize_tool="None",
            )
    except SystemExit:
        raise UserError("--format onnx: paddle2onnx cannot convert this model, see above") from None
    model = onnx.load_model_from_string(content)
    _name(model.graph, outputs, sizes)
    onnx.checker.check_model(model)
    onnx.save_model(model, str(folder / ONNX_FILE))


def _name(graph, outputs: dict[str, tuple[Optional[str], ...]], sizes: tuple[str, ...]) -> None:
    """Give outputs and open sizes names that can be understood."""
    names = {found.name: name for found, name in zip(graph.output, outputs)}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = names[output.name]
    for tensor, axes in zip((*graph.input, *graph.output), (sizes, *outputs.values())):
        for size, name in zip(tensor.type.tensor_type.shape.dim, axes):
            if size.dim_param or not size.HasField("dim_value"):
                size.dim_param = name
