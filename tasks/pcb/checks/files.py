"""Picture files and annotations that are damaged, missing, or not used."""

from collections import Counter
from pathlib import Path

from common.errors import UserError
from common.reporting.findings import Finding, Place
from common.reporting.page import HtmlTable, Section
from tasks.pcb.checks.source import Checked, Source, place_of
from tasks.pcb.formats.records import NoAnnotation, NoPicture
from tasks.pcb.formats.yolo import lost_texts
from tasks.pcb.images import find_files, is_picture, picture_size

SIZES_SHOWN = 8
# Of 255; a scan of bare copper alone has more.
LITTLE_CONTRAST = 8
TEMPLATES = "templates"


def check_files(source: Source) -> tuple[Section, list[Finding]]:
    """Sizes of the pictures, and the files that are wrong, every one of them."""
    findings = [*_damaged(source), *_damaged_templates(source), *_missing(source), *_unannotated(source)]
    return _section(source), [*findings, *_unused(source), *_odd(source)]


def _section(source: Source) -> Section:
    counts = Counter((p.size, p.channels) for p in source.pictures if p.size)
    rows = [
        [f"{width} x {height}", str(channels), f"{count:,}"]
        for ((width, height), channels), count in counts.most_common(SIZES_SHOWN)
    ]
    if len(counts) > SIZES_SHOWN:
        rest = sum(counts.values()) - sum(count for _, count in counts.most_common(SIZES_SHOWN))
        rows.append([f"{len(counts) - SIZES_SHOWN} other sizes", "", f"{rest:,}"])
    unread = sum(not p.size for p in source.pictures)
    if unread:
        rows.append(["cannot be read", "", f"{unread:,}"])
    said = f"{source.root}, read as {source.format}."
    if source.refusal:
        said += f" Training refuses the data: {source.refusal}"
    return Section("Pictures", said, tables=[HtmlTable(["size", "channels", "pictures"], rows)])


def _damaged(source: Source) -> list[Finding]:
    pictures = [p for p in source.pictures if p.fault]
    places = [place_of(p.fault, p.path) for p in pictures]
    annotations = [p for p in source.pictures if p.annotation_fault]
    faults = [place_of(p.annotation_fault, p.entry.annotation) for p in annotations]
    found = []
    if places:
        message = f"{len(places):,} of {len(source.pictures):,} pictures; their boxes were not looked at"
        remedy = "copy these files again, or take them out of the data set; training refuses it as it is"
        found.append(Finding("error", "picture cannot be read", message, remedy, places, every=True))
    if faults:
        message = f"annotations of {len(faults):,} of {len(source.pictures):,} pictures, such as: "
        message += annotations[0].annotation_fault
        remedy = "correct them; training refuses the data set as it is"
        found.append(Finding("error", "annotation cannot be read", message, remedy, faults, every=True))
    return found


def _damaged_templates(source: Source) -> list[Finding]:
    templates = dict.fromkeys(p.entry.template for p in source.pictures if p.entry.template is not None)
    places = []
    for template in templates:
        try:
            picture_size(template)
        except UserError as error:
            places.append(place_of(str(error), template))
    if not places:
        return []
    message = f"{len(places):,} of {len(templates):,} templates"
    remedy = "copy these files again, or take them away; training refuses the data set as it is"
    return [Finding("error", "template cannot be read", message, remedy, places, every=True)]


def _missing(source: Source) -> list[Finding]:
    kinds = {
        "annotation without picture": [e for e in source.refused if isinstance(e, NoPicture)],
        "picture without annotation file": [e for e in source.refused if isinstance(e, NoAnnotation)],
        "entry refused": [e for e in source.refused if not isinstance(e, (NoPicture, NoAnnotation))],
    }
    found = []
    for kind, errors in kinds.items():
        if errors:
            message = f"{len(errors):,}, such as: {errors[0]}"
            places = [place_of(str(error), _file_of(str(error))) for error in errors]
            remedy = "bring the file back or take its entry out; training refuses the data set as it is"
            found.append(Finding("error", kind, message, remedy, places, every=True))
    return [*found, *_lost_texts(source), *_crowds(source)]


def _file_of(message: str) -> Path:
    """What an error begins with."""
    return Path(message.partition(": ")[0])


def _crowds(source: Source) -> list[Finding]:
    """Annotations of COCO that are no boxes of one thing."""
    if source.format != "coco":
        return []
    remedy = "annotate the defects one by one, or cut the region out of the pictures"
    return [Finding("warning", "annotation left out", line, remedy, count=1) for line in source.left_out]


def _lost_texts(source: Source) -> list[Finding]:
    """Texts of YOLO whose pictures are gone, every one of them."""
    if source.format != "yolo":
        return []
    annotations = {p.entry.annotation for p in source.pictures} - {None}
    lost = lost_texts(source.root, sorted(annotations))
    if not lost:
        return []
    message = f"{len(lost):,} texts have no picture beside them; training does without them"
    remedy = "bring the pictures back, or delete the texts"
    places = [Place(file) for file in lost]
    return [Finding("warning", "annotation without picture", message, remedy, places, every=True)]


def _unannotated(source: Source) -> list[Finding]:
    pictures = [p for p in source.pictures if p.entry.annotation is None]
    if not pictures:
        return []
    severity, remedy = {
        "refuse": ("error", "an empty annotation where there is no defect, or see data.unannotated"),
        "background": (
            "note",
            "nothing: data.unannotated is background, so they are taken as without defect",
        ),
        "skip": ("note", "nothing: data.unannotated is skip, so they are left out"),
    }[source.config.data.unannotated]
    message = f"{len(pictures):,} of {len(source.pictures):,} pictures"
    places = [Place(p.path) for p in pictures]
    return [Finding(severity, "picture without annotation", message, remedy, places)]


def _unused(source: Source) -> list[Finding]:
    named = {p.path.resolve() for p in source.pictures}
    templates = {p.entry.template for p in source.pictures}
    files = [
        file
        for file in find_files(source.root)
        if is_picture(file)
        and file.resolve() not in named
        and file not in templates
        and TEMPLATES not in file.relative_to(source.root).parts[:-1]
    ]
    if not files:
        return []
    message = f"{len(files):,} pictures stand below {source.root}, but no list and no annotation names them"
    remedy = "nothing if they are meant to be left out; otherwise annotate them or add them to a list"
    return [Finding("note", "picture not used", message, remedy, [Place(file) for file in files])]


def _odd(source: Source) -> list[Finding]:
    found = []
    flat = [p for p in source.pictures if p.size and p.contrast < LITTLE_CONTRAST]
    if flat:
        message = (
            f"{len(flat):,} pictures have less than {LITTLE_CONTRAST} of 255 between darkest and brightest"
        )
        remedy = "see whether they are blank, or whether data.bits is that of the camera"
        found.append(
            Finding("warning", "picture without contrast", message, remedy, [_place(p) for p in flat])
        )
    counts = Counter(p.path for p in source.pictures)
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        message = f"{len(twice):,} pictures stand more than once in the lists"
        remedy = "name each once; training counts them several times"
        found.append(Finding("warning", "picture listed twice", message, remedy, [Place(p) for p in twice]))
    return found


def _place(picture: Checked) -> Place:
    width, height = picture.size
    return Place(picture.path, detail=f"{width} x {height}")
