"""The table of docs/dicomweb-conformance.md is what a run says, of our server and of an Orthanc."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from archive.catalog import Catalog
from archive.query import Query
from archive.storage import Storage
from tests.api.conftest import Installation, Web
from tests.api.dicomweb.contract import CLAUSES, Clause, Request, Server
from tests.orthanc import orthanc

TABLE = Path(__file__).parents[3] / "docs" / "dicomweb-conformance.md"
HEAD = "| section | shall | asked in | here | Orthanc |"
NAMES = [f"{one.section} {one.says}" for one in CLAUSES]


@pytest.fixture(scope="module")
def files(installation: Installation) -> list[bytes]:
    """The northern slide, as it is stored."""
    storage = Storage.open(installation.settings.objects_url)
    with Catalog.open(installation.settings.database_url) as catalog:
        found = catalog.instances.instances(Query(), establishment="north")
        return [storage.read_range(one.key, 0, one.length_bytes) for one in found]


def serving(request: Request, root: str, files: list[bytes]) -> Server:
    held = tuple(dcmread(io.BytesIO(one)) for one in files)
    level = max(held, key=lambda one: int(one.get("NumberOfFrames", 1)))
    return Server(request, root, held, level)


@pytest.fixture(scope="module")
def theirs(files: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An Orthanc that holds the same slide."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        for one in files:
            server.web.post("/instances", content=one).raise_for_status()
        yield serving(server.web.request, "/dicom-web", files)


@pytest.fixture(scope="module")
def table() -> dict[str, tuple[str, str, str, str]]:
    """The rows: section, where it is asked, ours, and Orthanc's, by what shall be."""
    lines = TABLE.read_text().splitlines()
    begin = lines.index(HEAD) + 2
    rows = [line.strip("| ").split(" | ") for line in lines[begin : begin + len(CLAUSES)]]
    return {row[1]: (row[0], row[2], row[3], row[4]) for row in rows}


def test_the_table_has_every_demand_once(
    table: dict[str, tuple[str, str, str, str]], files: list[bytes], artefacts: Path
) -> None:
    # Where a person may look for what to write.
    (artefacts / "dicomweb.md").write_text("\n".join(row(one, "…", "…") for one in CLAUSES))
    assert len({one.says for one in CLAUSES}) == len(CLAUSES)
    assert {says: told[:2] for says, told in table.items()} == {
        one.says: (one.section, one.place) for one in CLAUSES
    }


def row(one: Clause, ours: str, theirs: str) -> str:
    return f"| {one.section} | {one.says} | {one.place} | {ours} | {theirs} |"


@pytest.mark.parametrize("clause", CLAUSES, ids=NAMES)
def test_the_table_is_what_we_do(
    clause: Clause,
    reader: Web,
    files: list[bytes],
    table: dict[str, tuple[str, str, str, str]],
) -> None:
    met = clause.is_met(serving(reader.request, "/dicomweb", files))
    assert table[clause.says][2] == ("yes" if met else "not done")


@pytest.mark.parametrize("clause", CLAUSES, ids=NAMES)
def test_the_table_is_what_orthanc_does(
    clause: Clause, theirs: Server, table: dict[str, tuple[str, str, str, str]]
) -> None:
    assert table[clause.says][3] == ("yes" if clause.is_met(theirs) else "no")
