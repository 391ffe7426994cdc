"""Typed configuration: dataclasses filled from YAML, then from dotted flags.

Pydantic validates; this module only merges files and flags and turns the first thing that
is wrong into one line. Nothing here imports Paddle, so a typing mistake answers at once.
"""

import dataclasses
import difflib
import json
import re
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, Optional, get_args, get_origin

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from common.errors import UserError

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
# In the validator's words, and in those of who writes YAML.
WORDS = {
    "an object": "keys with values",
    "a valid array": "a list",
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid list": "a list",
    "a valid number": "a number",
    "a valid string": "a text",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: PyYAML alone reads ``1e-4`` as text, ``off`` as false, ``010`` as 8."""

    yaml_implicit_resolvers: dict = {}

    def construct_mapping(self, node, deep=False):
        """A mapping; a key that stands twice in it is an error, since the first would be lost."""
        seen = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"found the key {name} a second time", key.start_mark
                )
            seen.add(str(name))
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(0|[1-9]\d*)$", list("-+0123456789")),
    ("float", r"^[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?$", list("-+.0123456789")),
    ("float", r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", list("-+.")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def read_yaml(path: Path, _seen: tuple = ()) -> dict[str, Any]:
    """Contents of a YAML mapping.

    A key ``extends`` names a file, or several, relative to this one: later ones refine earlier
    ones, and the mapping itself refines them all.

    Raises:
        UserError: no such file, not a YAML mapping, or a file that extends itself.
    """
    path = Path(path)
    if path.resolve() in _seen:
        raise UserError(f"{path}: extends: found the file itself, expected another")
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        named = f", which {_seen[-1].name} extends" if _seen else ""
        raise UserError(f"{path}: no such configuration file{named}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}: line {line}: found bytes that are not UTF-8, expected UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}:{where} is not YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(values, dict):
        found = "nothing" if values is None else f"a {type(values).__name__}"
        raise UserError(f"{path}: found {found}, expected keys with values")
    parents = values.pop("extends", [])
    inherited: dict[str, Any] = {}
    parents = [parents] if isinstance(parents, str) else parents
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise UserError(f"{path}: extends: found {parents!r}, expected a file or a list of files")
    for parent in parents:
        inherited = merge(inherited, read_yaml(path.parent / parent, (*_seen, path.resolve())))
    return merge(inherited, values)


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """``base`` refined by ``override``, section by section; neither is changed."""
    result = dict(base)
    for key, value in override.items():
        both = isinstance(result.get(key), dict) and isinstance(value, dict)
        result[key] = merge(result[key], value) if both else value
    return result


def parse_flags(
    flags: list[str], config_class: Optional[type] = None, command_flags: Iterable[str] = ()
) -> dict[str, Any]:
    """Nested values from ``--section.field value`` or ``--section.field=value``.

    Values are read as YAML, but those of text fields of ``config_class`` are taken as they
    are, so that a board group 00041 stays one.

    Args:
        command_flags: what the command understands beside the fields, such as ``--run-dir``.

    Raises:
        UserError: a flag without a value, or one that is no field or section of ``config_class``;
            it names the nearest flag.
    """
    fields = dict(walk_fields(config_class)) if config_class else {}
    texts = {name for name, field in fields.items() if field.type in (str, Optional[str])}
    values: dict[str, Any] = {}
    rest = list(flags)
    while rest:
        flag = rest.pop(0)
        name, has_value, text = flag.partition("=")
        if not name.startswith("--") or len(name) == 2:
            raise UserError(f"found {flag!r}, expected a flag such as --optim.weight_decay 1e-4")
        if fields and name[2:] not in (known := _with_sections(fields)):
            known_flags = [*command_flags, *(f"--{part}" for part in known)]
            raise UserError(f"{name}: unknown flag; the nearest is {nearest(name, known_flags)}")
        if not has_value:
            if not rest:
                raise UserError(f"{name}: found no value")
            text = rest.pop(0)
        try:
            value = yaml.load(text, _Loader)
        except yaml.YAMLError:
            value = text
        if name[2:] in texts and value is not None:
            value = text
        *sections, field = name[2:].split(".")
        for section in reversed([*sections, field]):
            value = {section: value}
        values = merge(values, value)
    return values


def _with_sections(fields: Iterable[str]) -> list[str]:
    """Dotted names, and before them those of the sections that they stand in."""
    sections: dict[str, None] = {}
    for field in fields:
        parts = field.split(".")
        sections.update(dict.fromkeys(".".join(parts[:end]) for end in range(1, len(parts))))
    return [*sections, *fields]


def build(config_class: type, values: dict[str, Any], source: str) -> Any:
    """An instance of ``config_class``, or a :class:`UserError` that names the first wrong field."""
    try:
        text = json.dumps(values, default=str)
        return TypeAdapter(config_class).validate_json(text, strict=True)
    except (TypeError, ValueError) as error:
        if not isinstance(error, ValidationError):
            raise UserError(f"{source}: cannot be read as keys with values: {error}") from None
        raise UserError(f"{source}: {_explain(config_class, error.errors())}") from None


def _explain(config_class: type, errors: list[dict[str, Any]]) -> str:
    """The first error; of a field that may be one thing or another, with all that it may be."""
    error = errors[0]
    names, parts = field_names(config_class), [str(part) for part in error["loc"]]
    depth = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in names), len(parts))
    alternatives = [e for e in errors if e["loc"][:depth] == error["loc"][:depth]]
    one_thing = len(alternatives) == 1 or len({e["loc"] for e in alternatives}) == 1
    where = ".".join(parts if one_thing else parts[:depth])
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        closest = nearest(where, _with_sections(field_names(config_class)))
        return f"{where}: unknown key; the nearest is {closest}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] in ("missing", "missing_argument"):
        return f"{'.'.join(parts)}: missing"
    expected = " or ".join(dict.fromkeys(_expectation(e["msg"]) for e in alternatives))
    return f"{where}: found {_show(error['input'])}, expected {expected}"


def _expectation(message: str) -> str:
    words = message.replace("Input should be ", "").replace("String should ", "a text that should ")
    for theirs, ours in WORDS.items():
        words = words.replace(theirs, ours)
    return words


def nearest(name: str, names: list[str]) -> str:
    """The one of ``names`` that is most like ``name``."""
    return difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def field_names(config_class: type, prefix: str = "") -> list[str]:
    """Dotted names of every field of a configuration."""
    return [name for name, _ in walk_fields(config_class, prefix)]


def walk_fields(config_class: type, prefix: str = ""):
    """Yield (dotted name, dataclass field) for every leaf of a configuration."""
    for field in dataclasses.fields(config_class):
        name = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(field.type):
            yield from walk_fields(field.type, f"{name}.")
        else:
            yield name, field


def describe(config_class: type, config: Any = None) -> str:
    """A line a field: flag, type, its value in ``config`` or else its default, meaning; for ``--help``."""
    lines = []
    for name, field in walk_fields(config_class):
        value = _default(field) if config is None else attrgetter(name)(config)
        meaning = getattr(field.default, "description", None) or ""
        lines.append(f"  --{name} {_type_name(field.type)} [{value}]\n        {meaning}")
    return "\n".join(lines)


def _default(field: dataclasses.Field) -> Any:
    default = getattr(field.default, "default", field.default)
    if default is not dataclasses.MISSING and "Undefined" not in repr(default):
        return default
    factory = getattr(field.default, "default_factory", None)
    return factory() if factory else "required"


def _type_name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is list:
        return "LIST"
    options = [a for a in get_args(kind) if a is not type(None)]
    return "|".join(map(_type_name, options)) if options else getattr(kind, "__name__", str(kind)).upper()


def to_yaml(config: Any) -> str:
    """The whole configuration, resolved; :func:`read_yaml` and :func:`build` give it back equal."""
    return yaml.safe_dump(dataclasses.asdict(config), allow_unicode=True, sort_keys=False)
