"""A CSV or JSON file that says what a slide is: one row, or one object, a slide."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from re import fullmatch
from typing import Any, get_args

from archive.errors import InvalidIdentity
from archive.identity import LO_CHARACTERS, SH_CHARACTERS, Sex, checked_text, read_birth_date
from slides import vocabulary
from slides.errors import InvalidMetadata, MissingFile
from slides.metadata import Metadata
from slides.slide import Code
from slides.vocabulary import Terms, look_up

FILE = "file"
BETWEEN = "|"
"""Parts the values of a cell that may hold several."""

MOST_BYTES = 64 * 2**20
ANTIBODIES = ("ihc", "immunohisto", "immunocyto")
"""How a stain begins that is kept as a text: CID 8112 has no code for an antibody."""

Row = Mapping[str, Any]


def read_metadata(path: Path, slide: Path) -> Metadata:
    """What a file says of a slide, found by the slide's name in the column `file`.

    A file that holds one row, or one object, without that column is about any slide. Raises
    MissingFile and InvalidMetadata.
    """
    if not path.is_file():
        raise MissingFile("there is no such metadata file; check its name", path)
    if path.stat().st_size > MOST_BYTES:
        raise InvalidMetadata(f"the metadata file is larger than {MOST_BYTES} bytes; split it")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidMetadata("the metadata file is not UTF-8; save it as such") from error
    rows = _json_rows(text) if text.lstrip()[:1] in {"{", "["} else _csv_rows(text)
    return _parsed(*_row_of(rows, slide.name))


def _csv_rows(text: str) -> list[Row]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise InvalidMetadata(f"line {reader.line_num} of the metadata file is no CSV") from error
    for row in rows:
        if None in row:
            raise InvalidMetadata("a row of the metadata file has more cells than columns")
    return [{(name or "").strip(): value or "" for name, value in row.items()} for row in rows]


def _json_rows(text: str) -> list[Row]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidMetadata(f"the metadata file is no JSON: {error}") from error
    rows = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict) for row in rows):
        raise InvalidMetadata("the metadata file holds no object, nor a list of objects")
    return rows


def _row_of(rows: list[Row], name: str) -> tuple[int, Row]:
    """The row that is about a file of this name, and its number."""
    if len(rows) == 1 and FILE not in rows[0]:
        return 1, rows[0]
    if any(FILE not in row for row in rows):
        raise InvalidMetadata(f"the metadata of several slides needs the column {FILE!r}")
    found = [
        (number, row)
        for number, row in enumerate(rows, 1)
        if Path(str(row[FILE]).strip().replace("\\", "/")).name == name
    ]
    if len(found) != 1:
        raise InvalidMetadata(
            f"{len(found) or 'none'} of the {len(rows)} rows of the metadata file "
            f"{'are' if found else 'is'} about this slide; its name, with its extension, belongs "
            f"once into the column {FILE!r}"
        )
    return found[0]


def _parsed(number: int, row: Row) -> Metadata:
    unknown = [name for name in row if name != FILE and name not in COLUMNS]
    if unknown:
        raise InvalidMetadata(
            f"the metadata file has no use for the column {str(unknown[0])[:40]!r}; known are "
            f"{', '.join((FILE, *COLUMNS))}"
        )
    values = {}
    for name, cell in row.items():
        if name == FILE or _is_empty(cell):
            continue
        keyword, read = COLUMNS[name]
        try:
            values[keyword] = read(cell)
        except (InvalidMetadata, InvalidIdentity) as error:
            raise InvalidMetadata(f"row {number}, column {name}: {error}") from error
    made = Metadata(**values)
    made.patient()
    return made


def _is_empty(cell: Any) -> bool:
    return cell is None or cell == [] or (isinstance(cell, str) and not cell.strip())


def _one(cell: Any) -> str:
    if isinstance(cell, (list, dict, bool)):
        raise InvalidMetadata("one value is expected")
    return str(cell).strip()


def _many(cell: Any) -> list[str]:
    cells = cell if isinstance(cell, list) else _one(cell).split(BETWEEN)
    return [name for name in map(_one, cells) if name]


def _text(characters: int) -> Callable[[Any], str]:
    return lambda cell: checked_text("value", _one(cell), characters, required=True)


def _texts(cell: Any) -> tuple[str, ...]:
    return tuple(map(_text(LO_CHARACTERS), _many(cell)))


def _code(terms: Terms) -> Callable[[Any], Code]:
    def read(cell: Any) -> Code:
        codes = look_up(_one(cell), terms)
        return codes[0]

    return read


def _stains(cell: Any) -> tuple[Code | str, ...]:
    found: list[Code | str] = []
    for name in _many(cell):
        if name.casefold().startswith(ANTIBODIES):
            found.append(checked_text("stain", name, LO_CHARACTERS))
        else:
            found += look_up(name, vocabulary.STAINS)
    return tuple(dict.fromkeys(found))


def _number(low: float, high: float) -> Callable[[Any], float]:
    def read(cell: Any) -> float:
        said = _one(cell).replace(",", ".").removesuffix("x").removesuffix("X")
        if not fullmatch(r"\d+(\.\d+)?", said) or not low <= float(said) <= high:
            raise InvalidMetadata(f"a number from {low:g} to {high:g} is expected")
        return float(said)

    return read


def _choice(*known: str) -> Callable[[Any], str]:
    def read(cell: Any) -> str:
        if _one(cell).upper() not in known:
            raise InvalidMetadata(f"it is none of {', '.join(known)}")
        return _one(cell).upper()

    return read


def _moment(cell: Any) -> datetime:
    try:
        return datetime.fromisoformat(_one(cell))
    except ValueError as error:
        raise InvalidMetadata(
            "it is no time; write it as 2024-03-14T09:26:53+01:00, with its zone where it is known"
        ) from error


def _day(cell: Any) -> date:
    day = read_birth_date(_one(cell).replace("-", ""))
    if day is None:
        raise InvalidMetadata("it is no date; write it YYYYMMDD")
    return day


def _uid(cell: Any) -> str:
    said = _one(cell)
    if len(said) > 64 or not fullmatch(r"[0-2](\.(0|[1-9]\d*))+", said):
        raise InvalidMetadata("it is no UID")
    return said


def _columns(
    *rows: tuple[str, str, Callable[[Any], Any]],
) -> Mapping[str, tuple[str, Callable[[Any], Any]]]:
    return {column: (keyword, read) for column, keyword, read in rows}


def _same(names: Iterable[str], read: Callable[[Any], Any]) -> list[tuple[str, str, Any]]:
    return [(name, name, read) for name in names]


COLUMNS = _columns(
    *_same(("patient_id", "issuer_of_patient_id"), _text(LO_CHARACTERS)),
    ("patient_name", "patient_name", _one),
    ("birth_date", "birth_date", _day),
    ("sex", "sex", _choice(*get_args(Sex))),
    ("accession_number", "accession_number", _text(SH_CHARACTERS)),
    ("issuer_of_accession_number", "issuer_of_accession_number", _text(LO_CHARACTERS)),
    ("study_instance_uid", "study_instance_uid", _uid),
    ("study_at", "study_at", _moment),
    ("container_identifier", "container_identifier", _text(LO_CHARACTERS)),
    ("specimen_identifier", "specimen_identifiers", _texts),
    ("specimen_description", "specimen_description", _text(LO_CHARACTERS)),
    ("specimen_type", "specimen_type", _code(vocabulary.SPECIMEN_TYPES)),
    ("body_site", "body_site", _code(vocabulary.BODY_SITES)),
    ("side", "side", _code(vocabulary.SIDES)),
    ("collection", "collection", _code(vocabulary.COLLECTIONS)),
    ("fixation", "fixative", _code(vocabulary.FIXATIVES)),
    ("embedding", "embedding_medium", _code(vocabulary.EMBEDDING_MEDIA)),
    ("block_identifier", "block_identifier", _text(LO_CHARACTERS)),
    ("stain", "stains", _stains),
    ("acquired_at", "acquired_at", _moment),
    *_same(("manufacturer", "model", "serial_number", "software"), _text(LO_CHARACTERS)),
    ("objective_power", "objective_power", _number(0.1, 200)),
    ("numerical_aperture", "numerical_aperture", _number(0.01, 2)),
    ("illumination", "illumination", _code(vocabulary.ILLUMINATIONS)),
    ("focus_method", "focus_method", _choice("AUTO", "MANUAL")),
)
"""A column's name → the field of Metadata it fills, and what reads its cells."""
