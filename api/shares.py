"""The table of what establishments show one another: nothing that it does not state."""

from collections.abc import Mapping
from pathlib import Path

from api.errors import BadSettings
from api.tables import table_in
from archive.sharing.rule import EVERYBODY

ALL = "all"
"""What the table says of an establishment that shows its exams to every other."""


def read_shares(file: Path | None) -> Mapping[str, frozenset[str]]:
    """To whom each establishment shows its exams; raises BadSettings naming what is wrong."""
    if file is None:
        return {}
    told = table_in(file, "SANSVERRE_SHARES")
    rows = told.get("shares")
    if set(told) != {"shares"} or not isinstance(rows, dict):
        raise BadSettings(f"{file} must hold the table [shares], and nothing else")
    return {name: _others(f"{file}: {name!r}", name, said) for name, said in rows.items()}


def _others(at: str, name: str, said: object) -> frozenset[str]:
    if said == ALL:
        return frozenset({EVERYBODY})
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise BadSettings(f'{at} shows its exams to a list of establishments, or to "{ALL}"')
    if not all(0 < len(one) <= 64 for one in (name, *said)) or EVERYBODY in said:
        raise BadSettings(f'{at}: an establishment has up to 64 letters; for every one, "{ALL}"')
    return frozenset(said) - {name}
