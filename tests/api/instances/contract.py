"""What PS3.18 asks of whoever stores, as questions that any server can be put."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import httpx
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import generate_uid

from api.dicomweb.json_model import header_json
from api.dicomweb.native_model import native_xml
from tests.api.dicomweb.contract import Request
from tests.api.dicomweb.parts import parts_of
from tests.api.instances.conftest import Make
from tests.api.instances.stored import TYPE, body_of, failures, kept

OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


@dataclass
class Stored:
    """A server that stores; every question is asked with instances of its own."""

    request: Request
    root: str
    make: Make
    made: int = field(default=0)

    def file(self, **header: str) -> Path:
        """An instance that the server does not have, of a study of its own."""
        self.made += 1
        uids = {
            name: generate_uid(entropy_srcs=[name, str(self.made)])
            for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        }
        more = {"AccessionNumber": f"S{self.made}", **uids, **header}
        return self.make(f"sent-{self.made}", seed=self.made, **more)

    def post(
        self, body: bytes, where: str = "/studies", content_type: str = TYPE, **headers: str
    ) -> httpx.Response:
        return self.request(
            "POST",
            f"{self.root}{where}",
            content=body,
            headers={"content-type": content_type, "accept": "application/dicom+json", **headers},
        )

    def sent(self, *files: Path) -> httpx.Response:
        return self.post(body_of([one.read_bytes() for one in files]))


@dataclass(frozen=True)
class Clause:
    """One demand."""

    section: str
    says: str
    check: Callable[[Stored], None]

    def is_met(self, one: Stored) -> bool:
        """Whether the server does so."""
        try:
            self.check(one)
        except (AssertionError, KeyError, ValueError, IndexError, ET.ParseError):
            return False
        return True


CLAUSES: list[Clause] = []


def shall(section: str, says: str) -> Callable[[Callable[[Stored], None]], None]:
    def add(check: Callable[[Stored], None]) -> None:
        CLAUSES.append(Clause(section, says, check))

    return add


def uid_of(file: Path) -> str:
    return str(dcmread(file).SOPInstanceUID)


@shall("10.5.1", "instances that are posted to studies are kept, and each is told: 200")
def _(one: Stored) -> None:
    files = [one.file(), one.file()]
    answer = one.sent(*files)
    assert answer.status_code == 200
    assert kept(answer).keys() == {uid_of(file) for file in files}


@shall("10.5.3.2", "an instance is told with its address, where it is its very frames")
def _(one: Stored) -> None:
    file = one.file()
    (address,) = kept(one.sent(file)).values()
    answer = one.request("GET", f"{urlsplit(address).path}/frames/1", headers={"accept": OCTETS})
    assert answer.status_code == 200
    ((_, frame),) = parts_of(answer)
    assert frame in dcmread(file).PixelData


@shall("10.5.1", "of a study that the address names, others' instances fail: 409")
def _(one: Stored) -> None:
    file = one.file()
    answer = one.post(body_of([file.read_bytes()]), f"/studies/{generate_uid()}")
    assert answer.status_code == 409
    assert failures(answer).keys() == {uid_of(file)}


@shall("10.5.3.1", "of several, those that fail keep no others from being kept: 202")
def _(one: Stored) -> None:
    good, bad = one.file(), one.file()
    answer = one.post(body_of([bad.read_bytes()[:-200], good.read_bytes()]))
    assert answer.status_code == 202
    assert kept(answer).keys() == {uid_of(good)}


@shall("10.5.3.2", "an instance that fails is told by name, with a reason")
def _(one: Stored) -> None:
    bad = one.file()
    answer = one.post(body_of([bad.read_bytes()[:-200], one.file().read_bytes()]))
    assert failures(answer).keys() == {uid_of(bad)}


@shall("10.5.3.1", "where none is kept the status is 409")
def _(one: Stored) -> None:
    assert one.post(body_of([one.file().read_bytes()[:-200]])).status_code == 409


@shall("10.5.3.1", "a body of another media type is 415")
def _(one: Stored) -> None:
    assert one.post(b"{}", content_type="text/csv").status_code == 415


@shall("10.5.3.1", "a body in which nothing is, is 400")
def _(one: Stored) -> None:
    assert one.post(b"").status_code == 400


@shall("8.6.1.2", "of a body that is cut, what came whole is kept and told")
def _(one: Stored) -> None:
    files = [one.file(), one.file()]
    body = body_of([file.read_bytes() for file in files])
    assert kept(one.post(body[:-300])).keys() == {uid_of(files[0])}


@shall("8.7.3.3", "the answer is XML for those who ask")
def _(one: Stored) -> None:
    answer = one.post(body_of([one.file().read_bytes()]), accept="application/dicom+xml")
    assert ET.fromstring(answer.content).tag.endswith("NativeDicomModel")


@shall("10.5.2", "metadata with bulk data, as JSON or XML, are taken")
def _(one: Stored) -> None:
    for kind in ("application/dicom+json", "application/dicom+xml"):
        file = one.file()
        sent = dcmread(file)
        told = header_json(sent, "http://here/it")
        tags = {"00480105", "00020010", "00080005"}
        told = {tag: value for tag, value in told.items() if tag not in tags}
        frames = list(generate_frames(sent.PixelData, number_of_frames=sent.NumberOfFrames))
        metadata = json.dumps([told]).encode() if kind.endswith("json") else native_xml(told)
        parts = [(kind, "http://here", metadata)]
        parts += [("image/jpeg", told["7FE00010"]["BulkDataURI"], frame) for frame in frames]
        body = b"".join(
            f"--b\r\nContent-Type: {what}\r\nContent-Location: {where}\r\n\r\n".encode()
            + data
            + b"\r\n"
            for what, where, data in parts
        )
        content_type = f'multipart/related; type="{kind}"; boundary=b'
        answer = one.post(body + b"--b--\r\n", content_type=content_type)
        assert kept(answer).keys() == {uid_of(file)}
