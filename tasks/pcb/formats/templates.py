"""Defect-free templates: which picture is compared with which; no Paddle here."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from common.errors import UserError
from tasks.pcb.formats.records import PICTURE_FOLDERS, Entry
from tasks.pcb.images import SUFFIXES, is_picture

# Below the root of a data set, with pictures of the same names as the tested ones.
FOLDER = "templates"
# Of names in DeepPCB, before the suffix.
TESTED, TEMPLATE = "_test", "_temp"


@dataclass(frozen=True)
class Templates:
    """Where the templates of tested pictures stand.

    Attributes:
        beside: whether ``a_temp.jpg`` beside ``a_test.jpg`` is looked for first, as DeepPCB has it.
        folder: of templates with the names of their tested pictures, below it in the same folders (with or
            without ``images``) or in none; ``a_temp.jpg`` does for ``a_test.jpg``.
        file: one template for all.
        pattern: name of a template, relative to its tested picture, whose name without suffix is ``*``.
    """

    beside: bool = False
    folder: Optional[Path] = None
    file: Optional[Path] = None
    pattern: Optional[str] = None

    def of(self, tested: Path, name: str) -> Optional[Path]:
        """The template of a picture, None where there is none; itself only if it is that for all.

        Args:
            name: path of the picture below the folder of pictures, with ``/``.
        """
        if self.file is not None:
            return self.file
        return next((found for found in self._places(tested, name) if found not in (None, tested)), None)

    def _places(self, tested: Path, name: str) -> Iterator[Optional[Path]]:
        if self.beside:
            yield template_beside(tested)
        if self.pattern is not None:
            yield _picture(tested.parent / self.pattern.replace("*", tested.stem), tested.suffix)
        if self.folder is not None:
            for named in self._names(tested, name):
                yield _picture(self.folder / named.with_suffix(""), tested.suffix)
                yield template_beside(self.folder / named)

    def _names(self, tested: Path, name: str) -> list[Path]:
        """What a template may be called below its folder."""
        names = [Path(name), Path(name).with_name(tested.name)]
        beside = Path(os.path.relpath(tested, self.folder.parent))
        if ".." not in beside.parts:
            names.append(beside)
        plain = [Path(*(part for part in named.parts if part not in PICTURE_FOLDERS)) for named in names]
        return list(dict.fromkeys([*names, *plain, Path(tested.name)]))


def find_templates(given: Optional[str], root: Path, field: str = "data.templates") -> Templates:
    """Where templates are to be looked for.

    Args:
        given: folder or picture below ``root`` or elsewhere, or a name with ``*``; by default beside the
            tested pictures as in DeepPCB (``a_temp.jpg`` of ``a_test.jpg``), else in the folder
            ``templates`` below the root.
        field: that gives it, for messages.

    Raises:
        UserError: it is none of them.
    """
    if given is None:
        folder = root / FOLDER
        return Templates(beside=True, folder=folder if folder.is_dir() else None)
    if "*" in given:
        return Templates(pattern=given)
    place = root / given
    if place.is_dir():
        return Templates(folder=place)
    if place.is_file() and is_picture(place):
        return Templates(file=place)
    expected = "expected a folder, a picture, or a name with * such as *_temp"
    raise UserError(f"{field}: found no {place}, {expected}")


def with_templates(entries: list[Entry], given: Optional[str], root: Path, field: str) -> list[Entry]:
    """The entries with their templates; templates without annotation are no entries of their own.

    Args:
        given, root, field: as of :func:`find_templates`.

    Raises:
        UserError: as :func:`find_templates`.
    """
    templates = find_templates(given, root, field)
    found = [replace(entry, template=templates.of(entry.picture, entry.name)) for entry in entries]
    known = {entry.template for entry in found}
    inside = {entry.picture: templates.folder in entry.picture.parents for entry in found}
    # Where tested pictures stand among them, those of no tested picture may be tested ones too.
    apart = not any(inside[entry.picture] for entry in found if entry.annotation is not None)

    def is_template(entry: Entry) -> bool:
        unannotated = entry.annotation is None
        return unannotated and (entry.picture in known or (apart and inside[entry.picture]))

    return [entry for entry in found if not is_template(entry)]


def template_beside(tested: Path) -> Optional[Path]:
    """``a_temp.jpg`` of ``a_test.jpg``, as in DeepPCB; None where there is none."""
    name = tested.stem[: -len(TESTED)]
    if tested.stem == f"{name}{TESTED}":
        return _picture(tested.with_name(f"{name}{TEMPLATE}"), tested.suffix)
    if tested.stem == f"{name}{TESTED.upper()}":
        return _picture(tested.with_name(f"{name}{TEMPLATE.upper()}"), tested.suffix)
    return None


def _picture(place: Path, suffix: str) -> Optional[Path]:
    """The picture at a place, which may lack its suffix; that of the tested picture comes first."""
    if is_picture(place) and place.is_file():
        return place
    endings = (suffix, *SUFFIXES, *map(str.upper, SUFFIXES))
    files = (place.with_name(f"{place.name}{ending}") for ending in endings)
    return next((file for file in files if file.is_file()), None)
