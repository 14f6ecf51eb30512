"""What PS3.18 asks of whoever retrieves and searches, as questions that any server can be put.

Each clause names its section, says in a line what shall be, and fails where it is not.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import httpx
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from tests.api.dicomweb.parts import parts_of

JSON, XML = "application/dicom+json", 'multipart/related; type="application/dicom+xml"'
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


_UNREADABLE = (LookupError, ValueError, AttributeError, OSError, ET.ParseError, httpx.HTTPError)

Request = Callable[..., httpx.Response]
"""What asks a server: of a method and an address, and what httpx knows beside."""


@dataclass(frozen=True)
class Server:
    """A server that holds a study, which is known from elsewhere.

    `held` are its instances; `level` is one of several frames.
    """

    request: Request
    root: str
    held: tuple[Dataset, ...]
    level: Dataset

    @property
    def study(self) -> str:
        return f"/studies/{self.level.StudyInstanceUID}"

    @property
    def series(self) -> str:
        return f"{self.study}/series/{self.level.SeriesInstanceUID}"

    @property
    def instance(self) -> str:
        return f"{self.series}/instances/{self.level.SOPInstanceUID}"

    def get(self, where: str, accept: str = JSON, /, **params: str) -> httpx.Response:
        """What is at an address below the root."""
        # What need not be encoded is left as it is: not every server reads it otherwise.
        query = urlencode(params, safe=",*?^/", quote_via=quote)
        address = f"{self.root}{where}{'?' if query else ''}{query}"
        return self.request("GET", address, headers={"accept": accept})

    def found(self, where: str, /, **params: str) -> list[dict[str, Any]]:
        """What a search finds."""
        answer = self.get(where, **params)
        assert answer.status_code in {200, 204}, answer.status_code
        return answer.json() if answer.content else []

    def picture(self, where: str, accept: str = "image/png", /, **params: str) -> Image.Image:
        """A picture, decoded."""
        answer = self.get(where, accept, **params)
        assert answer.status_code == 200, answer.status_code
        data = answer.content
        if answer.headers["content-type"].startswith("multipart"):
            ((_, data),) = parts_of(answer)
        picture = Image.open(io.BytesIO(data))
        picture.load()
        return picture


@dataclass(frozen=True)
class Clause:
    """A demand of the standard."""

    section: str
    says: str
    check: Callable[[Server], None]

    @property
    def place(self) -> str:
        """The module that asks."""
        return self.check.__module__.rpartition(".")[2]

    def is_met(self, server: Server) -> bool:
        """Whether a server does so: an answer that cannot be read is none."""
        try:
            self.check(server)
        except (*_UNREADABLE, AssertionError):
            return False
        return True


CLAUSES: list[Clause] = []


def shall(section: str, says: str) -> Callable[[Callable[[Server], None]], None]:
    """Have a check ask for what a section says."""

    def add(check: Callable[[Server], None]) -> None:
        CLAUSES.append(Clause(section, says, check))

    return add


def keywords(found: dict[str, Any]) -> set[str]:
    return {element.keyword for element in Dataset.from_json(found)}


def uids(answer: httpx.Response) -> set[str]:
    found = [dcmread(io.BytesIO(data)) for _, data in parts_of(answer)]
    return {str(one.SOPInstanceUID) for one in found}


def frame(level: Dataset, number: int) -> bytes:
    tables = level.ExtendedOffsetTable, level.ExtendedOffsetTableLengths
    return get_frame(level.PixelData, number - 1, extended_offsets=tables)


def without(one: Server, header: str, where: str) -> httpx.Response:
    """The answer to a request that says nothing of what clients say by themselves."""
    return one.request("GET", f"{one.root}{where}", headers={header: ""})
