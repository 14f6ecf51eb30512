"""The table of issuers: who gives patients' numbers, by all their names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.errors import BadSettings
from api.tables import table_in
from archive.identities.ins import AUTHORITIES, INS_ISSUER
from archive.identities.issuer import PROVISIONAL_ISSUER, Issuer

_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII)
_LISTS = ("oids", "also")


def read_issuers(file: Path | None) -> Mapping[str, tuple[Issuer, ...]]:
    """Issuers by establishment; raises BadSettings, naming what is wrong with the table."""
    if file is None:
        return {}
    told = table_in(file, "SANSVERRE_ISSUERS")
    rows = told.get("issuer")
    if set(told) != {"issuer"} or not isinstance(rows, list):
        raise BadSettings(f"{file} must hold tables [[issuer]], and nothing else")
    found: dict[str, tuple[Issuer, ...]] = {}
    meant: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, 1):
        at = f"{file}: issuer {number}"
        establishment, one = _issuer(at, row)
        for called in (one.name, *one.oids, *one.also):
            if (establishment, called) in meant:
                raise BadSettings(f"{at}: {called!r} is named before; it means one issuer, once")
            meant.add((establishment, called))
        found[establishment] = (*found.get(establishment, ()), one)
    return found


def _issuer(at: str, row: Any) -> tuple[str, Issuer]:
    if not isinstance(row, dict) or not set(row) <= {"establishment", "name", *_LISTS}:
        raise BadSettings(f"{at} may say establishment, name, oids and also, and nothing else")
    establishment, name = str(row.get("establishment", "")), row.get("name", "")
    lists = [row.get(one, []) for one in _LISTS]
    if not all(isinstance(one, list) for one in lists):
        raise BadSettings(f"{at}: oids and also are lists")
    oids, also = map(tuple, lists)
    if not all(_is_text(one) for one in (establishment, name, *oids, *also)):
        raise BadSettings(f"{at} must say its establishment and its name, in up to 64 letters each")
    if not oids and not also:
        raise BadSettings(f"{at} has one name; say by which OIDs, or other names, it is known")
    if not all(_OID.fullmatch(one) for one in oids):
        raise BadSettings(f"{at}: an OID is written as 1.2.250.1.71")
    if AUTHORITIES & {name, *oids, *also} or any(
        one.startswith(INS_ISSUER) or one == PROVISIONAL_ISSUER for one in (name, *also)
    ):
        raise BadSettings(f"{at}: those who give the INS, and this software, have one name")
    return establishment, Issuer(name, oids, also)


def _is_text(said: Any) -> bool:
    """Whether it is a text as DICOM holds it, with nothing around."""
    is_text = isinstance(said, str) and 0 < len(said) <= 64 and said == said.strip()
    return is_text and said.isprintable() and "\\" not in said
