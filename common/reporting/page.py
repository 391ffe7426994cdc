"""One self-contained HTML page: no network, no second file."""

import base64
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from common.training.run_folder import write_text

TEMPLATE = Path(__file__).with_name("page.html.jinja")


@dataclass
class HtmlTable:
    """Columns and rows of text; aligned at the right as numbers are, or at the left as ``words``."""

    columns: list[str]
    rows: list[list[str]]
    words: bool = False


@dataclass
class HtmlImage:
    """A PNG file and what it shows, in words."""

    path: Path
    description: str

    @property
    def data(self) -> str:
        """The file in base64."""
        return base64.b64encode(self.path.read_bytes()).decode()


@dataclass
class Section:
    """A heading with what stands below it; links are words and the file they lead to."""

    title: str
    text: str = ""
    tables: list[HtmlTable] = field(default_factory=list)
    images: list[HtmlImage] = field(default_factory=list)
    preformatted: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)


def write_page(path: Path, title: str, sections: list[Section], note: str = "") -> None:
    """Write the page; every text is escaped, so that a review cannot inject markup."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    write_text(path, template.render(title=title, sections=sections, note=note))
