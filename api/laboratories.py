"""The table of laboratories: how each names its cases, and writes it on labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.errors import BadSettings
from api.tables import table_in
from archive.cases.laboratory import Laboratory

_TEXTS = ("establishment", "issuer", "barcode")


def read_laboratories(file: Path | None) -> Mapping[str, Laboratory]:
    """Laboratories by establishment; raises BadSettings, naming what is wrong with the table."""
    if file is None:
        return {}
    told = table_in(file, "SANSVERRE_LABORATORIES")
    rows = told.get("laboratory")
    if set(told) != {"laboratory"} or not isinstance(rows, list):
        raise BadSettings(f"{file} must hold tables [[laboratory]], and nothing else")
    found: dict[str, Laboratory] = {}
    for number, row in enumerate(rows, 1):
        at = f"{file}: laboratory {number}"
        name, said = _laboratory(at, row)
        if name in found:
            raise BadSettings(f"{at}: its establishment has one already")
        found[name] = said
    return found


def _laboratory(at: str, row: Any) -> tuple[str, Laboratory]:
    if not isinstance(row, dict) or not set(row) <= {*_TEXTS, "names_slides", "frozen"}:
        raise BadSettings(f"{at} may say {', '.join(_TEXTS)}, names_slides and frozen")
    texts = {name: row.get(name, "") for name in _TEXTS}
    if not all(isinstance(one, str) for one in texts.values()) or not texts["establishment"]:
        raise BadSettings(f"{at} must say its establishment; that, issuer and barcode are texts")
    if any(len(texts[name]) > 64 for name in ("establishment", "issuer")):
        raise BadSettings(f"{at}: establishment and issuer have up to 64 characters")
    names_slides, frozen = row.get("names_slides", True), row.get("frozen", [])
    if not isinstance(names_slides, bool):
        raise BadSettings(f"{at}: names_slides is true or false")
    if not isinstance(frozen, list) or not all(isinstance(one, str) for one in frozen):
        raise BadSettings(f'{at}: frozen is a list of codes as ["EXT"]')
    try:
        said = Laboratory(texts["issuer"], texts["barcode"] or None, names_slides, tuple(frozen))
    except ValueError as error:
        raise BadSettings(f"{at}: barcode {error}") from error
    return texts["establishment"], said
