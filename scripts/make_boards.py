"""Draw synthetic boards with defects, in DeepPCB's layout, which the PCB task reads."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402

from common.errors import ArgumentParser, UserError, run_command  # noqa: E402
from tasks.pcb.synthetic_boards import write_boards  # noqa: E402


def main() -> None:
    """Draw and write; an existing folder is refused."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    parser.add_argument("--number", type=int, default=240, help="boards in all [240]")
    parser.add_argument("--size", type=int, default=640, help="side of each picture in pixels [640]")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds draw equal boards [0]")
    arguments = parser.parse_args()
    try:
        write_boards(arguments.output, arguments.number, arguments.size, arguments.seed)
    except (FileExistsError, ValueError) as error:
        raise UserError(str(error)) from None
    print(f"{arguments.number} boards of {arguments.size} x {arguments.size} pixels in {arguments.output}")


if __name__ == "__main__":
    run_command(main)
