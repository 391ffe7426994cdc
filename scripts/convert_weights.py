"""Somebody's .pdparams, .bin or .pt to safetensors; of the pickle nothing but its arrays is read."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402

from common.errors import ArgumentParser, run_command  # noqa: E402
from common.weights_conversion import WEIGHTS, convert  # noqa: E402


def main() -> None:
    """Convert one file and say what became of it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="weights that Paddle or torch has pickled")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help=f"folder for {WEIGHTS}, and for config.json and vocabulary if they stand beside FILE",
    )
    arguments = parser.parse_args()
    weights, copied = convert(arguments.file, arguments.output)
    names = "torch" if weights.format == "pt" else "Paddle"
    print(
        f"{arguments.output / WEIGHTS}: {len(weights.arrays)} weights of {names}, {weights.numbers:,} numbers"
    )
    if copied:
        print(f"copied from {arguments.file.parent}: {', '.join(copied)}")
    if weights.left_out:
        more = f" and {len(weights.left_out) - 5} more" if len(weights.left_out) > 5 else ""
        print(f"left out: {', '.join(repr(name[:60]) for name in weights.left_out[:5])}{more}")


if __name__ == "__main__":
    run_command(main)
