"""Files of packed runs, and what is made of them."""

import io
import tarfile

from tasks.reproduce.packing import unpacked
from tests.reproduce.made_runs import finish

WRONG = {"baseline": 0.30, "regularized": 0.10, "other": 0.29}


def finish_all(store, cells, wrong=WRONG):
    """Make cells look finished, each with its arm's share of wrong reviews."""
    for cell in cells:
        finish(store, cell, wrong[cell.arm])


def unpack(cells, store, file):
    """Take a file's runs over; the packed runs, which say what was taken and left."""
    with unpacked(file, store) as packed:
        packed.take(cells, store)
    assert not (store.folder / "unpacking").exists()
    return packed


def names(cells):
    """Of cells, in their order."""
    return [cell.name for cell in cells]


def repacked(file, change):
    """The same archive with other members: ``change`` gets and returns {name: content}."""
    with tarfile.open(file) as archive:
        contents = {member.name: archive.extractfile(member).read() for member in archive}
    with tarfile.open(file, "w:xz") as archive:
        for name, content in change(contents).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file
