"""An establishment in a storm: its sender of messages, its archive, and what lies there."""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from PIL import Image as Picture
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from api.archives import RadiologyArchive
from api.hl7.senders import Sender
from archive.identities.ins import key_of
from archive.telling.rules import Corrections, Takes
from tests.api.telling.proxy import Proxy
from tests.orthanc import Orthanc, orthanc

if TYPE_CHECKING:
    from tests.api.telling.storm import Person

ISSUER = "IPP"
NIR = "ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS"
REJECTED = "113037"


@dataclass(frozen=True, order=True)
class Identity:
    """Whose something is said to be."""

    patient_id: str
    name: str
    born: str
    ins: str | None = field(compare=False, default=None)


@dataclass(frozen=True)
class Found:
    """An instance that lies in an archive."""

    uid: str
    study: str
    whose: Identity
    accession: str
    header: Dataset = field(repr=False)
    key: str
    """What the archive itself calls it."""


@dataclass
class Site:
    """One establishment, whose archive is reached through a network that breaks."""

    code: str
    name: str
    corrections: Corrections
    deletes: bool
    """Whether the archive is told to delete what was rejected."""
    slides: Takes
    between: Proxy
    folder: Path
    archive: Orthanc | None = None

    @property
    def rule(self) -> RadiologyArchive:
        url = f"http://127.0.0.1:{self.between.port}"
        return RadiologyArchive(
            f"{url}/dicom-web",
            self.name,
            url if self.deletes else None,
            self.corrections,
            name=self.code,
            takes=frozenset({Takes.PHOTOGRAPHS, self.slides}),
        )

    @property
    def sender(self) -> Sender:
        return Sender(self.code, self.code, self.name, (ip_network("127.0.0.0/8"),), issuer=ISSUER)

    # Its messages

    def message(self, event: str, at: datetime, control: int, *segments: str) -> bytes:
        header = (
            rf"MSH|^~\&|{self.code}|{self.code}|SANSVERRE|HA|{at:%Y%m%d%H%M%S}||ADT^{event}|"
            rf"{control}|P|2.5^FRA^2.11||||||UNICODE UTF-8"
        )
        return "\r".join([header, f"EVN||{at:%Y%m%d%H%M%S}", *segments, ""]).encode()

    def renumbered(self, message: bytes, control: int) -> bytes:
        """The same as another message."""
        fields = message.decode().split("|")
        fields[9] = f"{control}-again"
        return "|".join(fields).encode()

    def pid(
        self, who: "Person", number: str, name: str, ins: str | None, *, deletes: bool = False
    ) -> str:
        numbers = f"{number}^^^{ISSUER}^PI"
        if ins is not None or deletes:
            numbers += f"~{ins or chr(34) * 2}^^^{NIR}"
        family, given = name.split("^")
        status = "VALI" if ins is None else "QUAL"
        return f"PID|1||{numbers}||{family}^{given}^^^^^L||{who.born:%Y%m%d}|F" + "|" * 24 + status

    def mrg(self, number: str, ins: str | None = None) -> str:
        return f"MRG|{number}^^^{ISSUER}^PI" + (f"~{ins}^^^{NIR}" if ins else "")

    def new_ins(self, number: int) -> str:
        first = f"2{number:012d}"
        return f"{first}{key_of(first):02d}"

    # What lies there

    def there(self) -> list[Found]:
        """All that Orthanc has."""
        web = self._web()
        found = []
        for key in web.get("/instances").json():
            header = dcmread(io.BytesIO(web.get(f"/instances/{key}/file").content))
            others = header.get("OtherPatientIDsSequence") or ()
            whose = Identity(
                str(header.PatientID),
                str(header.PatientName),
                str(header.PatientBirthDate),
                next((str(one.PatientID) for one in others), None),
            )
            uid, study = str(header.SOPInstanceUID), str(header.StudyInstanceUID)
            found.append(Found(uid, study, whose, str(header.AccessionNumber), header, key))
        return found

    def asked(self, uid: str) -> list[tuple[str, str]]:
        """Whose an instance is by QIDO-RS, in which study; every copy."""
        told = self._web().get("/dicom-web/instances", params={"SOPInstanceUID": uid}).json()
        return [(one["00100020"]["Value"][0], one["0020000D"]["Value"][0]) for one in told]

    def drawn(self, one: Found) -> Picture.Image:
        """As Orthanc itself shows it."""
        answer = self._web().get(
            f"/instances/{one.key}/frames/0/preview", headers={"accept": "image/png"}
        )
        return Picture.open(io.BytesIO(answer.raise_for_status().content)).convert("RGB")

    def heard(self, is_now: Callable[[str], Identity]) -> None:
        """The archive hears the hospital's messages itself, and corrects what it has.

        One that does not overwrite does so by its own rule: a merge may be beyond it.
        """
        for one in self.there():
            now = is_now(one.whose.patient_id)
            is_merged = now.patient_id != one.whose.patient_id
            if (now == one.whose and now.ins == one.whose.ins) or one.header.Modality == "KO":
                continue
            if self.corrections is not Corrections.HL7 and is_merged:
                continue
            header = one.header
            header.PatientID, header.PatientName = now.patient_id, now.name
            if one.whose.ins not in {None, now.ins} and self.corrections is Corrections.HL7:
                del header.OtherPatientIDsSequence
            file = io.BytesIO()
            header.save_as(file)
            self._web().delete(f"/instances/{one.key}").raise_for_status()
            self._web().post("/instances", content=file.getvalue()).raise_for_status()

    def _web(self) -> httpx.Client:
        assert self.archive is not None
        return self.archive.web


def frame_of(one: Found) -> Picture.Image:
    """The first frame's JPEG."""
    data = one.header.PixelData
    return Picture.open(io.BytesIO(next(generate_frames(data, number_of_frames=1)))).convert("RGB")


def rejected_by(notes: list[Found]) -> Counter[str]:
    """What notes of rejection name."""
    return Counter(
        str(item.ReferencedSOPInstanceUID)
        for note in notes
        if note.header.ConceptNameCodeSequence[0].CodeValue == REJECTED
        for study in note.header.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    )


@contextmanager
def running(sites: tuple[Site, ...]) -> Iterator[None]:
    """All archives are up; afterwards they are down, whatever is under way."""
    with ExitStack() as stack:
        for site in sites:
            site.folder.mkdir(exist_ok=True)
            site.archive = stack.enter_context(orthanc(site.folder))
            site.between.target = site.archive.web.base_url.port
        try:
            yield
        finally:
            for site in sites:
                site.between.target = None
                site.between.break_off()
                site.archive = None
