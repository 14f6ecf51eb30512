"""Messages that name an INS are found by it, without being read."""

from base64 import b64encode
from typing import Any

import sqlalchemy as sa

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
