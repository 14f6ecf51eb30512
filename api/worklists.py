"""The table of modality worklists that are asked who is expected (TOML)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from api.errors import BadSettings
from api.tables import table_in

_KNOWN = {
    *("establishment", "host", "port", "title", "calling", "authorities"),
    *("issuer", "modalities", "zone", "each_s"),
}
_TEXTS = ("establishment", "host", "title", "calling", "issuer", "zone")


@dataclass(frozen=True, slots=True)
class ModalityWorklist:
    """A worklist, whose establishment's day it tells, and how its answers are understood.

    `authorities` is a file in PEM of who signs its certificate, where it speaks TLS.
    """

    name: str
    establishment: str
    host: str
    port: int
    title: str
    calling: str = "SANSVERRE"
    issuer: str = ""
    modalities: tuple[str, ...] = ()
    zone: str = "UTC"
    each_s: float = 300.0
    authorities: Path | None = None


def read_worklists(path: Path | None) -> tuple[ModalityWorklist, ...]:
    """The worklists of a table; raises BadSettings naming what in it is wrong."""
    if path is None:
        return ()
    told = table_in(path, "SANSVERRE_WORKLISTS")
    rows = told.get("worklists")
    if set(told) != {"worklists"} or not isinstance(rows, dict):
        raise BadSettings(f"{path} must hold tables [worklists.NAME], and nothing else")
    return tuple(_worklist(path, name, row) for name, row in rows.items())


def _worklist(path: Path, name: str, row: Any) -> ModalityWorklist:
    at = f"{path}: [worklists.{name}]"
    if not isinstance(row, Mapping) or not 0 < len(name) <= 40:
        raise BadSettings(f"{at} must be a table, named by at most 40 letters")
    if unknown := sorted(set(row) - _KNOWN):
        raise BadSettings(f"{at} says {unknown[0]!r}, which means nothing")
    texts = {key: row[key] for key in _TEXTS if key in row}
    if not all(isinstance(one, str) and len(one) <= 64 for one in texts.values()):
        raise BadSettings(f"{at}: {', '.join(_TEXTS)} are texts of up to 64 letters")
    if not all(texts.get(key) for key in ("establishment", "host", "title")):
        raise BadSettings(f"{at} needs its establishment, host, port and title")
    port, each_s = row.get("port"), row.get("each_s", 300)
    if not isinstance(port, int) or not 0 < port < 65536:
        raise BadSettings(f"{at} needs its port, from 1 to 65535")
    if not isinstance(each_s, int | float) or not 10 <= each_s <= 86400:
        raise BadSettings(f"{at}: each_s is from 10 to 86400 seconds")
    modalities = row.get("modalities", [])
    if not isinstance(modalities, list) or not all(
        isinstance(one, str) and 0 < len(one) <= 16 for one in modalities
    ):
        raise BadSettings(f'{at}: modalities is a list as ["XC", "DMS"]')
    try:
        ZoneInfo(texts.get("zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadSettings(f"{at}: zone is one as Europe/Paris") from error
    authorities = row.get("authorities")
    return ModalityWorklist(
        name=name,
        port=port,
        each_s=float(each_s),
        modalities=tuple(modalities),
        authorities=path.parent / str(authorities) if authorities else None,
        **texts,
    )
