"""The table of docs/fhir.md names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_what_the_table_says_is_shown_by_tests_that_are_there() -> None:
    page = (ROOT / "docs" / "fhir.md").read_text()
    table = page.partition("| source | asked | done | shown by |")[2].splitlines()[2:]
    rows = [re.split(r" \| (?!code`|`)", one.strip("| ")) for one in table if one.startswith("|")]
    written = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)\(", written, re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", "\n".join(table)))
    assert len(rows) > 20
    assert named <= there
    # What is done is shown.
    assert [one for one in table if "not done" not in one and "`test_" not in one and one] == []
