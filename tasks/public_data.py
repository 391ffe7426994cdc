"""Public data sets that can be downloaded: their homes, terms and checksums.

Sizes and checksums were taken from copies of the files. The addresses were not tried here: there
was no network where this table was made. Each home is pinned to a commit that was seen to hold the
file; of DeepPCB, whose whole repository comes as one archive, to the one that was seen to hold its
pictures. The hosts make such archives anew at will, so it is not the archive that is verified
but every file in it. Hence a mirror or another commit is as safe as the pinned address.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from common import download
from common.checksums import Part, missing_parts
from common.errors import UserError

FILES = "https://raw.githubusercontent.com"
REPOSITORIES = "https://codeload.github.com"
# What an archive may have or unpack to, in sizes of the parts that are wanted of it.
ARCHIVE_LIMIT = 4


@dataclass(frozen=True)
class PublicSet:
    """A data set at its home.

    Attributes:
        repository: owner and name on GitHub.
        commit: 40 hexadecimal digits.
        file: path in the repository, a ``.zip`` archive or the data themselves; None takes the
            repository as one archive.
        folder: where the parts belong, below the data root.
        parts: in the order in which they are put in place.
        licence: in a few words.
        terms: lines that say all that is known of the terms.
    """

    name: str
    repository: str
    commit: str
    file: Optional[str]
    folder: str
    parts: tuple[Part, ...]
    licence: str
    terms: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(part.size for part in self.parts)

    @property
    def files(self) -> int:
        """Number of files."""
        return sum(part.files or 1 for part in self.parts)

    def address(self, commit: Optional[str] = None, mirror: Optional[str] = None) -> str:
        """Where it is fetched from; ``mirror`` stands for scheme and host."""
        commit = commit or self.commit
        if self.file is None:
            host, path = REPOSITORIES, f"{self.repository}/tar.gz/{commit}"
        else:
            host, path = FILES, f"{self.repository}/{commit}/{self.file}"
        return f"{host if mirror is None else mirror}/{path}"

    def missing(self, root: Path) -> list[Part]:
        """The parts that are not below the data root yet.

        Raises:
            UserError: other data stand in the place of a part.
        """
        return missing_parts(self.parts, root / self.folder)

    def install(
        self, missing: list[Part], root: Path, commit: Optional[str] = None, mirror: Optional[str] = None
    ) -> None:
        """Fetch and verify the missing parts, and put them below the data root.

        Raises:
            UserError: the server, the content or the disk is not as it must be.
        """
        suffix = Path(self.file).suffix if self.file else ".tar.gz"
        folder = root / self.folder
        # Named by the commit, so that what is left of one is not continued with another.
        fetched = folder / f"{self.name}.partial" / f"{commit or self.commit}{suffix}"
        limit = self.size * (ARCHIVE_LIMIT if fetched.suffix in download.ARCHIVES else 1)
        download.install(self.address(commit, mirror), missing, folder, fetched, limit)


def find(name: Optional[str]) -> PublicSet:
    """The data set of a name.

    Raises:
        UserError: no such data set.
    """
    for public_set in ALL:
        if public_set.name == name:
            return public_set
    found = "nothing" if name is None else repr(name)
    raise UserError(f"NAME: found {found}, expected one of {', '.join(one.name for one in ALL)}")


def _parts(lines: str) -> tuple[Part, ...]:
    """Parts from lines of SHA-256, bytes, number of files in a folder or a dash, and path."""
    rows = [line.split() for line in lines.strip().splitlines()]
    return tuple(
        Part(path, sha256, int(size), None if files == "-" else int(files))
        for sha256, size, files, path in rows
    )


ALL = (
    PublicSet(
        name="online_shopping",
        repository="SophonPlus/ChineseNlpCorpus",
        commit="9afa1292465c1247184073cf151adc583699d1d6",
        file="datasets/online_shopping_10_cats/online_shopping_10_cats.zip",
        folder="sentiment",
        parts=(
            Part(
                "online_shopping_10_cats.csv",
                "f6c5b724122d8547b700ac4524898eb7e28abbee63f798e95a8faa408829afdb",
                11_299_695,
            ),
        ),
        licence="none stated",
        terms=(
            "SophonPlus/ChineseNlpCorpus states no licence for these texts.",
            "It describes them as reviews from shopping sites, found on the web, authors and origin unknown.",
        ),
    ),
    PublicSet(
        name="chnsenticorp",
        repository="ymcui/Chinese-BERT-wwm",
        commit="6076022237f544ca14aeba2f81ddaba94ba72ddb",
        file="data/chnsenticorp/chnsenticorp.zip",
        folder="sentiment/chnsenticorp",
        parts=_parts("""
            0b2653c23e5c79f539472e90cb10522f0ada4b80d3da95572d8b48fda47d5b33 3019974 - train.tsv
            d129e443eac08ce7643013dad496a8edf282be39cac1a4f2ad080818b296b331 374230 - dev.tsv
            34f9d71eba6096cd8689e18913d28cf9a5f3c18a6c2804cd13304a321738c4bc 369742 - test.tsv
        """),
        licence="none stated for the texts",
        terms=(
            "ymcui/Chinese-BERT-wwm is under Apache-2.0; nothing in it says that this covers these texts.",
            "Its README calls its contents a reference for technical research only; the one beside the set",
            "names pengming617/bert_classification as the source.",
        ),
    ),
    PublicSet(
        name="chnsenticorp_htl_all",
        repository="SophonPlus/ChineseNlpCorpus",
        commit="4ef366aa97c927f5bd69e1d97dc88461590174fd",
        file="datasets/ChnSentiCorp_htl_all/ChnSentiCorp_htl_all.csv",
        folder="sentiment",
        parts=(
            Part(
                "ChnSentiCorp_htl_all.csv",
                "1d414b9c65caf3a836abdb4efded621968502ad3338e1a9d885ae131c86083f0",
                2_904_858,
            ),
        ),
        licence="none stated",
        terms=(
            "SophonPlus/ChineseNlpCorpus states no licence for these texts.",
            "It describes them as hotel reviews from Ctrip, of the set ChnSentiCorp_htl made by Tan Songbo.",
        ),
    ),
    PublicSet(
        name="deeppcb",
        repository="tangsanli5201/DeepPCB",
        commit="a94e71c7414e3408f92dfa17d785fa8ddf30a86c",
        file=None,
        folder="deeppcb",
        # One checksum a board group instead of 4,503; the lists that name the pictures come last.
        parts=_parts("""
            237718807abbf6f1ff875cc039909d2a4467e815fa9384399e5abf411bb4f8b7 18146566 663 PCBData/group00041
            2d93ef945de5911f9ee39762658ee533068de37fe13076ebdcb22d2dfe81fb9a 1955795 42 PCBData/group12000
            ffe91f77b6569ce27e904c3aaa87ac7623feab4a75df8e47b3d6ac924b01acbe 14354171 438 PCBData/group12100
            088faf5d5a616fdee84df67bf57b7064bfc53a3b1aa335759e2571ac7f8ca286 11830592 294 PCBData/group12300
            bcb2b6f2eef21706f7b873a14aa3b68a782a30c7765b12c86ac1669550bcde1c 16599202 648 PCBData/group13000
            ae01e350d04d8cfb38d6eedc13c6e701ac51740b625105e86cca022f62d34a51 29470748 975 PCBData/group20085
            af3147d796d743da393fb0cb71b81864a8a4bec150c9b2120aea83f0b3523448 6890961 300 PCBData/group44000
            584dd2d5c5fcd3b340243d0da89aae434ab905f417e3003131ec894a777d5622 6147621 237 PCBData/group50600
            3744cd147978a554f98ee0dd9074ad3679292457d8bc4d7e68b024d780a97a55 4523711 321 PCBData/group77000
            4f04e76a480b686a9cded28730812a09c4ce4ce444c408681b0f2dc09a4aec3d 8341767 223 PCBData/group90100
            1f11c0e6ee469a5c67ad83b23558672782e295b1604891b014b4c07b02b320cb 7411488 360 PCBData/group92000
            8b91b36368cf50b0cb8ccf70ecbf5042e49f81709f5021dc7bc3a5774d9c7b8e 63999 - PCBData/trainval.txt
            c3417f4beca9d606ea4cff54d501f57442c5384705ca4c4d67f90d0afece10aa 31999 - PCBData/test.txt
        """),
        licence="MIT, but research only",
        terms=(
            "LICENSE: MIT, Copyright (c) 2018 tangsanli5201.",
            'README: "You can only use this dataset for research purpose."',
            "The two disagree; the stricter one is the safe one.",
        ),
    ),
)
