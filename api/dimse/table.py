"""The table of a site: who may call, for which establishment, and for what (TOML).

What is not stated is refused: a title that is not in it, a service that it does not name.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from api.errors import BadSettings
from api.shown import is_named, read_named
from api.tables import table_in

TITLE = "SANSVERRE"
ADDRESS = "127.0.0.1:11112"
_AE_TITLE = re.compile(r"(?=.*[!-~])[ -\[\]-~]{1,16}")
"""PS3.5 6.2: no backslash, no control characters, not spaces alone."""

_OF_A_PEER = ("establishment", "may", "from", "certificate", "issuer", "host", "port", "tls")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Right(StrEnum):
    """What a peer may ask for; whoever is in the table may ask whether we are there."""

    ECHO = "echo"
    FIND = "find"
    MOVE = "move"
    STORE = "store"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a peer listens itself."""

    host: str
    port: int
    is_tls: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """A device or archive that may call us, by its application entity title.

    `networks` are the addresses that it calls from; empty where any may be its. `certificate` is
    the one that it shows, empty where it may be any that an authority signed. `issuer` gave the
    numbers of patients in what it sends without saying who did.
    """

    title: str
    establishment: str
    may: frozenset[Right]
    networks: tuple[Network, ...] = ()
    issuer: str = ""
    destination: Destination | None = None
    certificate: str = ""

    def may_call_with(self, certificate: bytes | None) -> bool:
        """Whether this certificate (DER), or none, is the peer's."""
        return not self.certificate or is_named(certificate, self.certificate)

    def may_call_from(self, address: str) -> bool:
        """Whether this is an address of the peer."""
        if not self.networks:
            return True
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in one for one in self.networks)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM by which we speak TLS; `authorities` sign the certificates of our peers."""

    certificate: Path
    key: Path
    authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is under way at once, for how long, and how much an answer holds."""

    associations: int = 20
    idle_s: int = 60
    found: int = 5000
    instance_bytes: int = 128 << 30


@dataclass(frozen=True, slots=True)
class Table:
    """What we are called, where we listen, and who may call."""

    title: str
    host: str
    port: int
    peers: Mapping[str, Peer]
    tls: Certificates | None = None
    bounds: Bounds = field(default_factory=Bounds)


def read_table(path: Path) -> Table:
    """The table in a file; raises BadSettings naming what in it is wrong."""
    told = table_in(path, "SANSVERRE_DIMSE")
    try:
        return _table(told, path.parent)
    except _Wrong as error:
        raise BadSettings(f"{path}: {error}") from error


class _Wrong(Exception):
    """What is wrong in a table."""


def _table(told: Mapping[str, Any], folder: Path) -> Table:
    _require_known(told, "the table", ("title", "address", "open", "tls", "limits", "peers"))
    host, port = _address(_text(told, "address", ADDRESS))
    tls = _certificates(told["tls"], folder) if "tls" in told else None
    is_here = ipaddress.ip_address(host).is_loopback
    if not (is_here or tls or told.get("open") is True):
        raise _Wrong(
            f"{host} can be reached from other machines, and without [tls] everybody on the way "
            "reads what is sent: state [tls], or open = true where the network itself is private"
        )
    peers = told.get("peers")
    if not isinstance(peers, Mapping) or not peers:
        raise _Wrong('nobody may call: state each device as [peers."ITS TITLE"]')
    named = {_title(title).strip(): _peer(title.strip(), one) for title, one in peers.items()}
    if any(one.certificate for one in named.values()) and not (tls and tls.authorities):
        raise _Wrong("a peer's certificate is seen only where [tls] states authorities")
    return Table(
        _title(_text(told, "title", TITLE)),
        host,
        port,
        named,
        tls,
        _bounds(told.get("limits", {})),
    )


def _peer(title: str, told: Any) -> Peer:
    where = f"[peers.{title}]"
    if not isinstance(told, Mapping):
        raise _Wrong(f"{where} must be a table")
    _require_known(told, where, _OF_A_PEER)
    establishment = _text(told, "establishment", "")
    if not establishment:
        raise _Wrong(f"{where} lacks the establishment whose things it may see")
    stated = told.get("may", [])
    rights = {one.value: one for one in Right}
    if not isinstance(stated, list) or not set(map(str, stated)) <= rights.keys():
        raise _Wrong(f"{where} may be a list of {', '.join(rights)}")
    may = frozenset({Right.ECHO, *(rights[one] for one in stated)})
    destination = _destination(told, where)
    if Right.COMMIT in may and destination is None:
        raise _Wrong(f"{where} may ask for commitment, and lacks the host and port to answer to")
    return Peer(
        title,
        establishment,
        may,
        _networks(told, where),
        _text(told, "issuer", ""),
        destination,
        _certificate(told, where),
    )


def _destination(told: Mapping[str, Any], where: str) -> Destination | None:
    if "host" not in told and "port" not in told:
        return None
    host, port = told.get("host"), told.get("port")
    if not isinstance(host, str) or not host or not _is_whole(port, 1, 65535):
        raise _Wrong(f"{where} needs both host and port, where images are to be sent to it")
    return Destination(host, int(str(port)), told.get("tls") is True)


def _certificate(told: Mapping[str, Any], where: str) -> str:
    if "certificate" not in told:
        return ""
    try:
        return read_named(_text(told, "certificate", ""))
    except ValueError as error:
        raise _Wrong(f"{where}: {error}") from error


def _networks(told: Mapping[str, Any], where: str) -> tuple[Network, ...]:
    stated = told.get("from", [])
    try:
        return tuple(ipaddress.ip_network(one) for one in stated)
    except (TypeError, ValueError) as error:
        raise _Wrong(f'{where} is from a list of networks, as ["10.1.2.0/24"]') from error


def _certificates(told: Any, folder: Path) -> Certificates:
    if not isinstance(told, Mapping):
        raise _Wrong("[tls] must be a table")
    _require_known(told, "[tls]", ("certificate", "key", "authorities"))
    certificate, key = _text(told, "certificate", ""), _text(told, "key", "")
    if not certificate or not key:
        raise _Wrong("[tls] needs a certificate and its key")
    authorities = _text(told, "authorities", "")
    return Certificates(
        folder / certificate, folder / key, folder / authorities if authorities else None
    )


def _bounds(told: Any) -> Bounds:
    usual = Bounds()
    names = ("associations", "idle_s", "found", "instance_bytes")
    if not isinstance(told, Mapping):
        raise _Wrong("[limits] must be a table")
    _require_known(told, "[limits]", names)
    for name in names:
        if not _is_whole(told.get(name, 1), 1, 1 << 62):
            raise _Wrong(f"[limits] {name} must be a whole number above 0")
    return Bounds(*(told.get(name, getattr(usual, name)) for name in names))


def _address(stated: str) -> tuple[str, int]:
    host, _, port = stated.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        found, number = str(ipaddress.ip_address(host)), int(port)
        if not 0 <= number <= 65535:
            raise ValueError(port)
    except ValueError as error:
        raise _Wrong(
            f"address is {stated!r}: it must be one of this machine, as {ADDRESS}"
        ) from error
    return found, number


def is_title(stated: object) -> bool:
    """Whether something may be the title of an application entity."""
    return isinstance(stated, str) and _AE_TITLE.fullmatch(stated) is not None


def _title(stated: str) -> str:
    if not is_title(stated):
        raise _Wrong(f"{stated!r} is no application entity title: up to 16 letters of ASCII")
    return stated


def _text(told: Mapping[str, Any], name: str, usual: str) -> str:
    stated = told.get(name, usual)
    if not isinstance(stated, str):
        raise _Wrong(f"{name} must be a text")
    return stated


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _require_known(told: Mapping[str, Any], where: str, names: Collection[str]) -> None:
    # A misspelt one would mean something else than was meant.
    unknown = sorted(set(told) - set(names))
    if unknown:
        raise _Wrong(f"{where} says {unknown[0]!r}, which means nothing: {', '.join(names)}")
