"""Draw synthetic boards with defects, in DeepPCB's layout, which the PCB task reads."""

import argparse
from pathlib import Path

from common.errors import UserError, run_command
from tasks.pcb.synthetic_boards import write_boards


def main() -> None:
    """Draw and write; an existing folder is refused."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
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
