"""Pictures with boxes from one format into another: Pascal VOC, COCO, YOLO text or DeepPCB's layout."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402

from common.errors import ArgumentParser, run_command  # noqa: E402
from tasks.pcb.conversion import Conversion, convert  # noqa: E402
from tasks.pcb.formats import READERS  # noqa: E402
from tasks.pcb.formats.records import read_classes  # noqa: E402


def main() -> None:
    """Convert one data set and say what became of it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("input", type=Path, metavar="INPUT", help="folder, COCO's .json or YOLO's .yaml")
    parser.add_argument("--to", required=True, choices=sorted(READERS), help="format to write")
    parser.add_argument("--output", type=Path, required=True, help="folder to make; pictures are copied")
    parser.add_argument(
        "--from",
        dest="source",
        choices=["auto", *sorted(READERS)],
        default="auto",
        help="format to read [auto]",
    )
    parser.add_argument("--classes", type=Path, help="file of a class a line, before those of the data")
    parser.add_argument(
        "--unannotated",
        choices=["refuse", "background", "skip"],
        default="refuse",
        help="pictures without an annotation: an error, without defect, or left out [refuse]",
    )
    parser.add_argument(
        "--boxes-outside",
        choices=["refuse", "clip"],
        default="refuse",
        help="boxes that stick out of their picture: an error, or cut off [refuse]",
    )
    parser.add_argument(
        "--templates",
        help="folder below INPUT, picture, or name with * of defect-free templates [_temp beside _test, "
        "or the folder templates]",
    )
    arguments = parser.parse_args()
    classes = read_classes(arguments.classes) if arguments.classes else None
    done = convert(
        arguments.input,
        arguments.to,
        arguments.output,
        arguments.source,
        classes,
        arguments.unannotated,
        arguments.boxes_outside,
        arguments.templates,
    )
    tell(done, arguments.output, arguments.to)


def tell(done: Conversion, output: Path, target: str) -> None:
    """Print what was written, what was lost, and how the new data are split as the original ones."""
    print(
        f"{output}: {done.pictures} pictures, {done.boxes} boxes of {len(done.classes)} classes "
        f"({', '.join(done.classes)}), from {done.format} to {target}"
    )
    for line in done.left_out:
        print(f"warning: {line}")
    if done.rounded:
        print(f"{done.rounded} boxes had fractions of pixels, which {target} has not: rounded")
    if done.resplit:
        print(
            "warning: the original data have no list for validation; in DeepPCB's layout folders are boards, "
            "of which whole ones are split off: name the same pictures with --data.validation_list"
        )
    if done.flags:
        does = "splits them" if target == "deeppcb" else "groups and splits them"
        print(f"train.py {does} as the original ones with: {done.flags}")


if __name__ == "__main__":
    run_command(main)
