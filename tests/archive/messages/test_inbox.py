"""Messages that name an INS are found by it, without being read."""

from base64 import b64encode
from typing import Any

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from archive.catalog import Catalog
from archive.errors import NotFound
from archive.identities.ins import key_of
from archive.messages.inbox import Arrived, blank
from archive.messages.named import mark_of, named_in
from archive.reception import establishment_row
from tests.archive.conftest import ELSEWHERE, HERE

INS = f"2550814168025{key_of('2550814168025'):02}"
OTHER = f"255082A168026{key_of('255082A168026'):02}"


def test_what_names_an_identifier_is_blanked_and_nothing_else_is_read(catalog: Catalog) -> None:
    def kept(at: str, number: str, words: str) -> int:
        said = words.encode()
        return catalog.inbox.keep(at, Arrived("GAM", number, "ADT^A31", said, said)).id

    def is_kept(message_id: int) -> bool:
        try:
            return bool(catalog.inbox.payload(message_id, establishment=None))
        except NotFound:
            return False

    here = [kept(HERE, "1", f"PID|1||{INS}^^^A~7"), kept(HERE, "2", f"MRG|7~{INS}&x|{OTHER}")]
    others = [
        kept(HERE, "3", f"PID|{OTHER}"),
        kept(HERE, "4", f"9{INS}"),
        kept(ELSEWHERE, "1", INS),
    ]
    asked: list[str] = []

    def listen(*told: Any) -> None:
        asked.append(told[2])

    with catalog._database.write() as connection:
        owner = establishment_row(connection, HERE)
        sa.event.listen(connection, "before_cursor_execute", listen)
        blank(connection, owner, INS)
    assert [is_kept(one) for one in (*here, *others)] == [False, False, True, True, True]
    assert not any("payload" in one for one in asked if one.startswith("SELECT"))
    with catalog._database.write() as connection:
        blank(connection, owner, OTHER)
    assert not is_kept(others[0])


def test_an_identifier_inside_a_document_is_found_in_its_message() -> None:
    document = b"<ClinicalDocument>" + b"x" * 200 + f' extension="{INS}" '.encode()
    payload = b"OBX|1|ED|a||^AP^XML^Base64^" + b64encode(document) + b"||||||F"
    assert named_in(payload) == {mark_of(INS)}


DOCUMENT = b"<ClinicalDocument>" + b"x" * 150 + f' extension="{INS}" '.encode() + b"y" * 150
ENDS = st.sampled_from(["\n", "\r\n", "\r", " ", "\\.br\\", "\\X0D0A\\", "\\X0D\\\\X0A\\"])


def _results(*parts: str) -> bytes:
    letter = b64encode("Cher confrère".encode()).decode()
    obxs = ["OBX|1|TX|||Sur base64^x", *(f"OBX|1|ED|a||^AP^XML^Base64^{one}||" for one in parts)]
    return "\r".join([*obxs, f"OBX|9|ED|b||^TEXT^^Base64^{letter}||||||F"]).encode()


@given(st.integers(1, len(b64encode(DOCUMENT)) - 1), ENDS, st.integers(20, 90))
def test_it_is_found_in_a_document_over_several_results_and_lines(
    cut: int, end: str, width: int
) -> None:
    inside = b64encode(DOCUMENT).decode()
    assert named_in(_results(inside[:cut], inside[cut:])) == {mark_of(INS)}
    broken = end.join(inside[at : at + width] for at in range(0, len(inside), width))
    assert named_in(_results(broken)) == {mark_of(INS)}


@given(st.integers(1, len(DOCUMENT) - 1))
def test_it_is_found_in_parts_that_were_encoded_apart(cut: int) -> None:
    parts = (b64encode(one).decode() for one in (DOCUMENT[:cut], DOCUMENT[cut:]))
    assert named_in(_results(*parts)) == {mark_of(INS)}
