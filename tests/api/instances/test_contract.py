"""The table of what PS3.18 asks of whoever stores is what a run says, of us and of an Orthanc."""

from pathlib import Path

from tests.api.conftest import Web
from tests.api.instances.conftest import Make
from tests.api.instances.contract import CLAUSES, Stored
from tests.orthanc import orthanc

TABLE = Path(__file__).parents[3] / "docs" / "dicomweb-conformance.md"
HEAD = "| section | shall, of what is stored | here | Orthanc |"


def told() -> dict[str, tuple[str, str, str]]:
    """The rows of the table: section, ours, and Orthanc's, by what shall be."""
    lines = TABLE.read_text().splitlines()
    begin = lines.index(HEAD) + 2
    rows = [line.strip("| ").split(" | ") for line in lines[begin : begin + len(CLAUSES)]]
    return {row[1]: (row[0], row[2], row[3]) for row in rows}


def results(server: Stored, otherwise: str) -> dict[str, tuple[str, str]]:
    return {one.says: (one.section, "yes" if one.is_met(server) else otherwise) for one in CLAUSES}


def keep(found: dict[str, tuple[str, str]], path: Path) -> None:
    """Have rows for the table where a person may look."""
    rows = (f"| {section} | {says} | {word} |" for says, (section, word) in found.items())
    path.write_text("\n".join(rows))


def test_the_table_is_what_we_do(web: Web, make: Make, artefacts: Path) -> None:
    found = results(Stored(web.request, "/dicomweb", make), "not done")
    keep(found, artefacts / "stored-here.md")
    assert {says: row[:2] for says, row in told().items()} == found


def test_the_table_is_what_orthanc_does(tmp_path: Path, make: Make, artefacts: Path) -> None:
    folder = tmp_path / "orthanc"
    folder.mkdir()
    with orthanc(folder) as server:
        found = results(Stored(server.web.request, "/dicom-web", make), "no")
    keep(found, artefacts / "stored-orthanc.md")
    assert {says: row[::2] for says, row in told().items()} == found
