"""The archives that are told of what is published, each with its rule (a table in TOML)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Any, TypeVar
from urllib.parse import urlsplit

from api.dimse.table import is_title
from api.errors import BadSettings
from api.tables import table_in
from archive.dimse_station import Encrypted, Station
from archive.errors import LinkLacks
from archive.link import ArchiveLink, Named, Shown
from archive.record import GRADES, OutboxState
from archive.telling.rules import Corrections, Takes

REMOTE = "radiology"
"""What the archive is called that is stated by variables alone."""
VIEWER_NAMES = frozenset({"study", "accession", "patient", "issuer"})
"""What the address of a viewer may name; the patient only where it cannot do without."""
T = TypeVar("T", bound=StrEnum)


@dataclass(frozen=True, slots=True, repr=False)
class RadiologyArchive:
    """An archive that is told of what an establishment publishes.

    `url` is the root of its DICOMweb services and may hold a password; `orthanc_url` that of
    Orthanc's own interface, where rejected objects are to be deleted by it. At a `station` it is
    told by DICOM's own protocol, and gives pixels back by `url` where that is stated too.
    """

    url: str | None
    establishment: str
    orthanc_url: str | None = None
    corrections: Corrections = Corrections.HL7
    """How it learns of corrected identities: by its own feed, unless somebody says otherwise."""
    patience_s: float = 3600.0
    """How long a correction may take to arrive by that feed, before it is a person's task."""
    name: str = REMOTE
    station: Station | None = None
    takes: frozenset[Takes] = frozenset({Takes.PHOTOGRAPHS})
    best: OutboxState = OutboxState.READ_BACK
    """The best grade that it can give, which ends a row; where it gives less, that does."""
    fhir_url: str | None = None
    """The FHIR server that gets the viewer's address with each manifest."""
    as_photographs: bool = True
    """Whether it gets dermoscopic photographs as plain ones where it refuses their class."""
    knows_issuers: bool = False
    """Whether it keeps patients of one number apart by who gave it."""
    by_ins: bool = False
    """Whether manifests name patients by their INS, and none is sent of whom has none."""
    largest_bytes: int = 1 << 30
    """Slides with a level above this stay here, whatever it takes."""
    concatenations: bool = False
    """Whether they go all the same, each such level as the parts of a concatenation."""
    asks: bool = True
    """Whether it is asked for a patient's studies."""
    viewer: str | None = None
    """Its own viewer's address for a study, as `VIEWER_NAMES` fills it in."""
    issuers: Mapping[str, str] = field(default_factory=dict)
    """What it calls those who give patients' numbers, and what they are called here."""

    def __repr__(self) -> str:
        return "RadiologyArchive(…)"


@dataclass(frozen=True, slots=True)
class Reached:
    """An archive, and the way to it."""

    rule: RadiologyArchive
    link: ArchiveLink

    def shown(self, named: Named) -> Shown | None:
        """Ask it for an instance; LinkLacks where it is said that it is not to be asked."""
        if self.rule.best is not OutboxState.READ_BACK:
            raise LinkLacks("The archive is not asked what it holds.")
        return self.link.shown(named)


@contextmanager
def reached(archives: Collection[RadiologyArchive]) -> Iterator[tuple[Reached, ...]]:
    """The ways to archives, closed afterwards."""
    with ExitStack() as open_links:
        yield tuple(Reached(one, _link(one, open_links)) for one in archives)


def _link(rule: RadiologyArchive, open_links: ExitStack) -> ArchiveLink:
    # Slow to load, for what most installations do not have.
    from archive.dicomweb_link import DicomWebLink

    web = DicomWebLink(rule.url, rule.orthanc_url) if rule.url is not None else None
    if web is not None:
        open_links.enter_context(web)
    if rule.station is None:
        if web is None:
            raise BadSettings(f"the archive {rule.name} has neither a url nor a host")
        return web
    from archive.dimse_link import DimseLink

    return DimseLink(rule.station, web)


def read_archives(path: Path) -> tuple[RadiologyArchive, ...]:
    """The archives of a table; raises BadSettings naming what in it is wrong."""
    told = table_in(path, "SANSVERRE_ARCHIVES")
    try:
        _require_known(told, "the table", {"archives"})
        return _apart(
            _archive(name, one, path.parent) for name, one in dict(told.get("archives", {})).items()
        )
    except (_Wrong, TypeError, ValueError) as error:
        raise BadSettings(f"{path}: {error}") from error


class _Wrong(Exception):
    """What is wrong in a table."""


_OF_A_STATION = {"host", "port", "title", "calling", "commits", "listens", "tls"}
_OF_AN_ARCHIVE = {
    *("establishment", "url", "orthanc_url", "corrections", "patience_s", "takes", "grade"),
    *("fhir_url", "as_photographs", "knows_issuers", "by_ins", "largest_bytes"),
    *("concatenations", "asks", "viewer", "issuers"),
}


def _archive(name: str, told: Any, folder: Path) -> RadiologyArchive:
    where = f"[archives.{name}]"
    if not isinstance(told, Mapping) or not 0 < len(name) <= 64:
        raise _Wrong(f"{where} must be a table, named by at most 64 letters")
    _require_known(told, where, _OF_AN_ARCHIVE | _OF_A_STATION)
    if not told.get("establishment"):
        raise _Wrong(f"{where} lacks the establishment whose images it gets")
    if not ("url" in told or "host" in told):
        raise _Wrong(f"{where} needs a url (DICOMweb), or host, port and title (C-STORE)")
    grade = told.get("grade", OutboxState.READ_BACK)
    if grade not in GRADES:
        raise _Wrong(f"{where} grade is one of {', '.join(GRADES)}")
    takes = told.get("takes", [Takes.PHOTOGRAPHS])
    return RadiologyArchive(
        url=root(f"{where} url", told.get("url")),
        establishment=str(told["establishment"]),
        orthanc_url=root(f"{where} orthanc_url", told.get("orthanc_url")),
        corrections=_word(Corrections, told.get("corrections", Corrections.HL7), where),
        patience_s=float(told.get("patience_s", 3600)),
        name=name,
        station=_station(told, where, folder) if "host" in told else None,
        takes=frozenset(_word(Takes, one, where) for one in takes),
        best=OutboxState(grade),
        fhir_url=root(f"{where} fhir_url", told.get("fhir_url")),
        as_photographs=_is_so(told, "as_photographs", where, usually=True),
        knows_issuers=_is_so(told, "knows_issuers", where),
        by_ins=_is_so(told, "by_ins", where),
        largest_bytes=int(told.get("largest_bytes", 1 << 30)),
        concatenations=_is_so(told, "concatenations", where),
        asks=_is_so(told, "asks", where, usually=True),
        viewer=viewer_of(where, told.get("viewer")),
        issuers={str(one): str(here) for one, here in dict(told.get("issuers", {})).items()},
    )


def _apart(stated: Iterable[RadiologyArchive]) -> tuple[RadiologyArchive, ...]:
    """The same, of which none mixes two establishments, whose numbers are other people's."""
    archives = tuple(stated)
    of_place: dict[object, RadiologyArchive] = {}
    for one in archives:
        for where in filter(None, (one.url, one.station and (one.station.host, one.station.port))):
            other = of_place.setdefault(where, one)
            if other.establishment != one.establishment and not (
                one.knows_issuers and other.knows_issuers
            ):
                raise _Wrong(
                    f"[archives.{other.name}] and [archives.{one.name}] are one archive of two "
                    "establishments, whose numbers it would mix: say knows_issuers = true where it "
                    "keeps patients of one number apart by who gave it"
                )
    return archives


def _station(told: Mapping[str, Any], where: str, folder: Path) -> Station:
    host, port, title = told["host"], told.get("port"), told.get("title", "")
    calling = told.get("calling", "SANSVERRE")
    if not title or not isinstance(port, int) or not 0 < port < 65536:
        raise _Wrong(f"{where} with a host needs its port and its title")
    if not (is_title(title) and is_title(calling)):
        raise _Wrong(f"{where} title and calling are each up to 16 letters of ASCII")
    if not _is_host(host):
        raise _Wrong(f"{where} host is no name or address of a machine")
    return Station(
        host,
        port,
        title,
        calling,
        _encrypted(told["tls"], where, folder) if "tls" in told else None,
        _is_so(told, "commits", where),
        _listens(told["listens"], where) if "listens" in told else None,
    )


def _listens(stated: object, where: str) -> tuple[str, int]:
    host, _, port = str(stated).rpartition(":")
    if not (_is_host(host) and port.isdecimal() and 0 < int(port) < 65536):
        raise _Wrong(f"{where} listens is an address of this machine, as 10.1.2.4:11113")
    return host, int(port)


def _encrypted(told: Mapping[str, Any], where: str, folder: Path) -> Encrypted:
    _require_known(told, f"{where} tls", {"authorities", "certificate", "key"})
    if "authorities" not in told or ("certificate" in told) != ("key" in told):
        raise _Wrong(f"{where} tls needs authorities; a certificate and its key go together")
    own = [folder / str(told[one]) if one in told else None for one in ("certificate", "key")]
    return Encrypted(folder / str(told["authorities"]), *own)


def root(name: str, stated: str | None) -> str | None:
    """The root of a web service as somebody stated it; raises BadSettings."""
    if not stated:
        return None
    try:
        parts = urlsplit(stated)
        is_one = parts.scheme in {"http", "https"} and _is_host(parts.hostname)
        is_one = is_one and not parts.query and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        # Not repeated, as it may hold a password.
        raise BadSettings(f"{name} must look like https://archive.example.org/dicom-web")
    return stated


def viewer_of(where: str, stated: str | None) -> str | None:
    """The address of an archive's viewer, to be filled in; raises BadSettings."""
    if not stated:
        return None
    try:
        names = {name for _, name, *_ in Formatter().parse(stated) if name is not None}
        filled = urlsplit(stated.format_map(dict.fromkeys(VIEWER_NAMES, "1")))
        is_one = filled.scheme in {"http", "https"} and bool(filled.hostname)
    except (LookupError, ValueError, AttributeError):
        names, is_one = set(), False
    if not is_one or not names & {"study", "accession"} or not names <= VIEWER_NAMES:
        raise BadSettings(
            f"{where} viewer must look like https://pacs.example.org/viewer?study={{study}}; it "
            f"may name {', '.join(sorted(VIEWER_NAMES))}"
        )
    return stated


def _is_host(stated: object) -> bool:
    """Whether something may be looked up as a machine's name or address."""
    try:
        return isinstance(stated, str) and stated.encode("idna") != b"" and "\0" not in stated
    except UnicodeError:
        return False


def _is_so(told: Mapping[str, Any], name: str, where: str, *, usually: bool = False) -> bool:
    stated = told.get(name, usually)
    # The word "false" in quotes would mean that it is so.
    if not isinstance(stated, bool):
        raise _Wrong(f"{where} {name} is true or false, without quotes")
    return stated


def _word(kind: type[T], stated: object, where: str) -> T:
    try:
        return kind(str(stated))
    except ValueError as error:
        raise _Wrong(f"{where} says {stated!r}: one of {', '.join(kind)}") from error


def _require_known(told: Mapping[str, Any], where: str, names: Collection[str]) -> None:
    # A misspelt one would mean something else than was meant.
    unknown = sorted(set(told) - set(names))
    if unknown:
        raise _Wrong(f"{where} says {unknown[0]!r}, which means nothing")
