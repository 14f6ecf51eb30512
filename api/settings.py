"""Where things are kept: read once from SANSVERRE_* variables, then passed around."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

from api.archives import REMOTE, RadiologyArchive, read_archives, root
from api.errors import BadSettings
from api.establishment import ESTABLISHMENT
from api.invoke.invokers import Invoker, read_invokers
from api.issuers import read_issuers
from api.laboratories import read_laboratories
from api.shares import read_shares
from api.worklists import ModalityWorklist, read_worklists
from archive.cases.laboratory import Laboratory
from archive.identities.issuer import Issuers
from archive.telling.rules import Corrections

KEY_BYTES = 32
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[0-9a-z_.-]+|[0-9a-f:.]+")
"""As it stands in an `Origin`: other letters in their ASCII form, and no pattern of hosts."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How much may be on its way, and for how long.

    `quota_bytes` bounds what an establishment has in deposits that were not taken in yet;
    `headroom_bytes` of the disk are left to conversions and to everything else.
    """

    max_bytes: int = 128 << 30
    quota_bytes: int | None = None
    headroom_bytes: int = 2 << 30
    expiry_s: float = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Tls:
    """The files by which this server itself speaks TLS, in PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Hl7:
    """Whose HL7 messages are taken, how large they may be, and for how long they are kept.

    `senders` is the file that says which establishment each sender speaks for.
    """

    senders: Path | None = None
    max_bytes: int = 16 << 20
    kept_days: int = 30


@dataclass(frozen=True, slots=True)
class Settings:
    """The places and addresses of one installation.

    `data` holds the catalogue and the objects where nothing else was stated, `secrets` what must
    not be copied with them.
    `public_url` is an origin, as browsers write it, and None where nobody stated it. So are those
    whose pages may read pixels (`read_origins`) and those whose pages may frame the viewer.
    """

    data: Path
    secrets: Path
    database_url: str
    public_url: str | None = None
    uploads: UploadLimits = UploadLimits()
    read_origins: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    stated_objects_url: str | None = None
    tls: Tls | None = None
    archives: tuple[RadiologyArchive, ...] = ()
    dimse: Path | None = None
    """The table of who may call by DICOM's own protocol."""
    hl7: Hl7 = Hl7()
    laboratories: Mapping[str, Laboratory] = field(default_factory=dict)
    """How laboratories name their cases, by establishment."""
    issuers: Issuers = field(default_factory=dict)
    """Who gives patients' numbers, by all their names, by establishment."""
    shares: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """To which others each establishment shows its exams."""
    invokers: Mapping[str, Invoker] = field(default_factory=dict, repr=False)
    """Other systems that may open images here for their users, by name."""

    worklists: tuple[ModalityWorklist, ...] = ()
    """Modality worklists that are asked who is expected."""

    @property
    def objects(self) -> Path:
        """The folder of stored objects, where no other store was stated."""
        return self.data / "objects"

    @property
    def objects_url(self) -> str:
        """The store's address."""
        return self.stated_objects_url or self.objects.as_uri()

    @property
    def is_https(self) -> bool:
        """Whether people reach the service over TLS, so that cookies may be marked Secure."""
        if self.public_url is not None:
            return self.public_url.startswith("https://")
        return self.tls is not None


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in the environment; raises BadSettings naming the variable that is wrong."""
    variables = os.environ if environ is None else environ
    data = Path(variables.get("SANSVERRE_DATA") or "./sansverre-data").expanduser().resolve()
    secrets_folder = _secrets_folder(variables)
    if secrets_folder == data or data in secrets_folder.parents:
        raise BadSettings(
            f"SANSVERRE_SECRETS ({secrets_folder}) lies inside the data folder, where a copy of "
            "the data would carry the keys away: name a folder outside it"
        )
    archives, public_url = _archives(variables), variables.get("SANSVERRE_PUBLIC_URL")
    if not public_url and any(one.fhir_url for one in archives):
        raise BadSettings("fhir_url gives others our address: state SANSVERRE_PUBLIC_URL too")
    return Settings(
        data=data,
        secrets=secrets_folder,
        database_url=variables.get("SANSVERRE_DATABASE") or f"sqlite:///{data / 'catalog.sqlite'}",
        public_url=_public_url(public_url or None),
        uploads=_upload_limits(variables),
        read_origins=_origins("SANSVERRE_READ_ORIGINS", variables),
        frame_ancestors=_origins("SANSVERRE_FRAME_ANCESTORS", variables),
        stated_objects_url=_objects_url(variables.get("SANSVERRE_OBJECTS") or None),
        tls=_tls(variables),
        archives=archives,
        dimse=_file(variables.get("SANSVERRE_DIMSE")),
        hl7=_hl7(variables),
        laboratories=read_laboratories(_file(variables.get("SANSVERRE_LABORATORIES"))),
        issuers=read_issuers(_file(variables.get("SANSVERRE_ISSUERS"))),
        shares=read_shares(_file(variables.get("SANSVERRE_SHARES"))),
        worklists=read_worklists(_file(variables.get("SANSVERRE_WORKLISTS"))),
        invokers=read_invokers(_file(variables.get("SANSVERRE_INVOKERS"))),
    )


def data_folder(settings: Settings) -> Path:
    """The data folder, made at first use for its owner alone; raises BadSettings."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Asked of the folder itself, as a disk may be mounted for reading only.
        with TemporaryFile(dir=settings.data):
            return settings.data
    except OSError as error:
        raise BadSettings(
            f"nothing can be kept in {settings.data} ({error.strerror}): "
            "set SANSVERRE_DATA to a folder you may write to, on a disk with space"
        ) from error


def signing_key(settings: Settings) -> bytes:
    """The installation's signing key, made at first use and readable by its owner alone.

    Several processes may ask first at once: all get the same key. Raises BadSettings where the
    key cannot be kept or is not what this software wrote.
    """
    path = settings.secrets / "signing.key"
    try:
        if not path.exists():
            _keep_once(path, secrets.token_hex(KEY_BYTES))
        mode, text = path.stat().st_mode, path.read_bytes().strip()
    except OSError as error:
        raise BadSettings(
            f"the signing key cannot be kept at {path} ({error.strerror}): "
            "set SANSVERRE_SECRETS to a folder you may write to"
        ) from error
    if mode & 0o077:
        raise BadSettings(f"{path} can be read by others: run chmod 600 on it")
    if not re.fullmatch(rb"([0-9a-f]{2}){%d,}" % KEY_BYTES, text):
        raise BadSettings(f"{path} is no signing key: move it away, a new one is made")
    return bytes.fromhex(text.decode())


def _keep_once(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces the key that another process has just made.
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _secrets_folder(variables: Mapping[str, str]) -> Path:
    if stated := variables.get("SANSVERRE_SECRETS"):
        return Path(stated).expanduser().resolve()
    config = variables.get("XDG_CONFIG_HOME") or "~/.config"
    return (Path(config).expanduser() / "sansverre").resolve()


def _objects_url(stated: str | None) -> str | None:
    if stated is None:
        return None
    parts = urlsplit(stated)
    if (parts.scheme, bool(parts.netloc)) not in {("file", False), ("s3", True)}:
        # Not repeated, as somebody may have written a key into it.
        raise BadSettings("SANSVERRE_OBJECTS must look like s3://bucket/prefix or file:///folder")
    return stated


def _file(stated: str | None) -> Path | None:
    return Path(stated).expanduser().resolve() if stated else None


def _tls(variables: Mapping[str, str]) -> Tls | None:
    certificate = variables.get("SANSVERRE_TLS_CERTIFICATE")
    key = variables.get("SANSVERRE_TLS_KEY")
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise BadSettings(
            "SANSVERRE_TLS_CERTIFICATE and SANSVERRE_TLS_KEY go together: state both, or neither"
        )
    return Tls(Path(certificate).expanduser().resolve(), Path(key).expanduser().resolve())


def _archives(variables: Mapping[str, str]) -> tuple[RadiologyArchive, ...]:
    """Those of the table, and the one that is stated by variables alone."""
    table = _file(variables.get("SANSVERRE_ARCHIVES"))
    several = read_archives(table) if table else ()
    url = root("SANSVERRE_ARCHIVE_URL", variables.get("SANSVERRE_ARCHIVE_URL"))
    orthanc = "SANSVERRE_ARCHIVE_ORTHANC_URL"
    orthanc_url = root(orthanc, variables.get(orthanc))
    if url is None:
        if orthanc_url is not None:
            raise BadSettings(f"{orthanc} is set without SANSVERRE_ARCHIVE_URL: set both")
        return several
    if any(one.name == REMOTE for one in several):
        raise BadSettings(
            f"SANSVERRE_ARCHIVE_URL states the archive {REMOTE}, and so does SANSVERRE_ARCHIVES: "
            "state it once"
        )
    establishment = variables.get("SANSVERRE_ARCHIVE_ESTABLISHMENT") or ESTABLISHMENT
    stated = variables.get("SANSVERRE_ARCHIVE_CORRECTIONS") or Corrections.HL7
    try:
        corrections = Corrections(stated)
    except ValueError as error:
        ways = ", ".join(Corrections)
        raise BadSettings(f"SANSVERRE_ARCHIVE_CORRECTIONS must be one of {ways}") from error
    return (*several, RadiologyArchive(url, establishment, orthanc_url, corrections))


def _hl7(variables: Mapping[str, str]) -> Hl7:
    usual, senders = Hl7(), variables.get("SANSVERRE_HL7_SENDERS")
    return Hl7(
        senders=Path(senders).expanduser().resolve() if senders else None,
        max_bytes=_whole(variables, "SANSVERRE_HL7_MAX_BYTES", usual.max_bytes),
        kept_days=_whole(variables, "SANSVERRE_HL7_KEPT_DAYS", usual.kept_days),
    )


def _upload_limits(variables: Mapping[str, str]) -> UploadLimits:
    usual = UploadLimits()
    quota = _whole(variables, "SANSVERRE_UPLOAD_QUOTA_BYTES", 0)
    return UploadLimits(
        max_bytes=_whole(variables, "SANSVERRE_UPLOAD_MAX_BYTES", usual.max_bytes),
        quota_bytes=quota or None,
        headroom_bytes=_whole(variables, "SANSVERRE_UPLOAD_HEADROOM_BYTES", usual.headroom_bytes),
        expiry_s=86400.0 * (_whole(variables, "SANSVERRE_UPLOAD_EXPIRY_DAYS", 0) or 7),
    )


def _whole(variables: Mapping[str, str], name: str, usual: int) -> int:
    stated = variables.get(name)
    if not stated:
        return usual
    if not (stated.isascii() and stated.isdigit() and len(stated) <= 18):
        raise BadSettings(f"{name} is {stated!r}: it must be a whole number, such as 107374182400")
    return int(stated)


def _public_url(stated: str | None) -> str | None:
    return None if stated is None else _origin("SANSVERRE_PUBLIC_URL", stated)


def _origins(name: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Origins with spaces between."""
    return tuple(_origin(name, one) for one in (variables.get(name) or "").split())


def _origin(name: str, stated: str) -> str:
    """As browsers write it: in small letters, without the usual port."""
    try:
        parts = urlsplit(stated)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    # The pages ask for /assets and /api, so that a path before them would lead nowhere.
    alone = f"{parts.scheme}://{parts.netloc}"
    is_host = host is not None and _HOST.fullmatch(host) is not None
    if parts.scheme not in _PORTS or not is_host or parts.username or stated.rstrip("/") != alone:
        raise BadSettings(f"{name} is {stated!r}: it must look like https://slides.example.org")
    at = f"[{host}]" if ":" in str(host) else host
    usual = port is None or port == _PORTS[parts.scheme]
    return f"{parts.scheme}://{at}" if usual else f"{parts.scheme}://{at}:{port}"
