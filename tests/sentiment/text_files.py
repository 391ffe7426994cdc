"""Files of texts as people have them, for every reader of them."""

from pathlib import Path
from typing import Union

ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16")


def write(folder: Path, name: str, content: Union[str, bytes]) -> Path:
    """The file with this content, line ends as they are; text is written as UTF-8."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
