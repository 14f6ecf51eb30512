"""The table of docs/dicomweb-conformance.md is what a run says, of our server and of an Orthanc."""

import io
from pathlib import Path

import pytest
from pydicom import dcmread

from archive.catalog import Catalog
from archive.query import Query
from archive.storage import Storage
from tests.api.conftest import Installation, Web
from tests.api.dicomweb.contract import CLAUSES, Request, Server
from tests.orthanc import orthanc

TABLE = Path(__file__).parents[3] / "docs" / "dicomweb-conformance.md"
HEAD = "| section | shall | here | Orthanc |"


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


def told() -> dict[str, tuple[str, str, str]]:
    """The rows of the table: section, ours, and Orthanc's, by what shall be."""
    lines = TABLE.read_text().splitlines()
    begin = lines.index(HEAD) + 2
    rows = [line.strip("| ").split(" | ") for line in lines[begin : begin + len(CLAUSES)]]
    return {row[1]: (row[0], row[2], row[3]) for row in rows}


def results(server: Server, otherwise: str) -> dict[str, tuple[str, str]]:
    """The section of each clause, and whether the server does so."""
    return {one.says: (one.section, "yes" if one.is_met(server) else otherwise) for one in CLAUSES}


def keep(found: dict[str, tuple[str, str]], path: Path) -> None:
    """Have rows for the table where a person may look."""
    rows = (f"| {section} | {says} | {word} |" for says, (section, word) in found.items())
    path.write_text("\n".join(rows))


def test_the_table_is_what_we_do(reader: Web, files: list[bytes], artefacts: Path) -> None:
    found = results(serving(reader.request, "/dicomweb", files), "not done")
    keep(found, artefacts / "dicomweb-here.md")
    assert {says: row[:2] for says, row in told().items()} == found


def test_the_table_is_what_orthanc_does(
    tmp_path: Path, files: list[bytes], artefacts: Path
) -> None:
    with orthanc(tmp_path) as server:
        for one in files:
            server.web.post("/instances", content=one).raise_for_status()
        found = results(serving(server.web.request, "/dicom-web", files), "no")
    keep(found, artefacts / "dicomweb-orthanc.md")
    assert {says: row[::2] for says, row in told().items()} == found
