"""Who may send messages, and for which establishment they speak."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from api.errors import BadSettings
from api.hl7.message import CHARSETS, Header
from api.shown import is_named, read_named
from api.tables import table_in

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Sender:
    """A system that sends messages: known by MSH-3, MSH-4 and where it connects from.

    `issuer` gave the numbers of patients of which a message does not say who did. `charset` is how
    it writes where MSH-18 is empty, and `zone` that of its clocks, for moments that name none.
    `certificate` is the one that it shows, empty where it may be any that lets it in.
    """

    application: str
    facility: str
    establishment: str
    networks: tuple[Network, ...]
    issuer: str = ""
    charset: str = ""
    zone: str = "UTC"
    certificate: str = ""

    @property
    def name(self) -> str:
        """What it is called in lists."""
        return f"{self.application}|{self.facility}"


def read_senders(file: Path | None) -> tuple[Sender, ...]:
    """The table of senders; raises BadSettings, naming what is wrong with it."""
    if file is None:
        raise BadSettings("nobody may send messages yet: name their table in SANSVERRE_HL7_SENDERS")
    told = table_in(file, "SANSVERRE_HL7_SENDERS")
    rows = told.get("sender")
    if set(told) != {"sender"} or not isinstance(rows, list) or not rows:
        raise BadSettings(f"{file} must hold tables [[sender]], at least one, and nothing else")
    senders = tuple(_sender(file, number, row) for number, row in enumerate(rows, 1))
    if len({(one.application, one.facility) for one in senders}) != len(senders):
        raise BadSettings(f"{file}: two senders have the same application and facility")
    return senders


def sender_of(
    senders: Sequence[Sender], header: Header, address: str, certificate: bytes | None = None
) -> Sender | None:
    """The sender of a message that came from there; None for who is not known.

    `certificate` (DER) is what was shown, by TLS.
    """
    for one in senders:
        if (one.application, one.facility) == (header.application, header.facility):
            is_its = not one.certificate or is_named(certificate, one.certificate)
            return one if is_its and may_come_from([one], address) else None
    return None


def may_come_from(senders: Sequence[Sender], address: str) -> bool:
    """Whether any of these senders connects from there."""
    came = ipaddress.ip_address(address)
    if isinstance(came, ipaddress.IPv6Address) and came.ipv4_mapped:
        came = came.ipv4_mapped
    return any(came in network for one in senders for network in one.networks)


_TEXTS = ("application", "facility", "establishment", "issuer", "charset", "zone")


def _sender(file: Path, number: int, row: Any) -> Sender:
    at = f"{file}: sender {number}"
    if not isinstance(row, dict) or not set(row) <= {*_TEXTS, "certificate", "from"}:
        raise BadSettings(
            f"{at} may say {', '.join(_TEXTS)}, certificate and from, and nothing else"
        )
    texts = {name: row.get(name, "") for name in _TEXTS}
    if not all(isinstance(one, str) and len(one) <= 64 for one in texts.values()):
        raise BadSettings(f"{at}: {', '.join(_TEXTS)} are texts of up to 64 characters")
    if not texts["application"] or not texts["establishment"]:
        raise BadSettings(f"{at} must say its application and its establishment")
    if texts["charset"] and texts["charset"].upper() not in CHARSETS:
        raise BadSettings(f"{at}: charset is one of {', '.join(CHARSETS)}")
    texts["zone"] = texts["zone"] or "UTC"
    try:
        ZoneInfo(texts["zone"])
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadSettings(f"{at}: zone is one as Europe/Paris") from error
    try:
        certificate = read_named(str(row["certificate"])) if "certificate" in row else ""
    except ValueError as error:
        raise BadSettings(f"{at}: {error}") from error
    try:
        networks = tuple(ipaddress.ip_network(one) for one in row.get("from", ["127.0.0.1/32"]))
    except (ValueError, TypeError) as error:
        raise BadSettings(f'{at}: `from` is a list of addresses as "10.1.2.0/24"') from error
    return Sender(networks=networks, certificate=certificate, **texts)
