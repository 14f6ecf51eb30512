"""How an image is reached: by whom, from which site, by which identifier, with which headers."""

import re

import pytest

from api.policies import Role
from tests.api.conftest import ORIGIN, CountingStorage, Installation, Web
from tests.api.iiif.conftest import Ask


def test_scripts_of_any_site_may_read_every_answer(ask: Ask, web: Web, base: str) -> None:
    """§7.1, C 4 cors: also of errors, and of what strangers are told."""
    for address in ("info.json", "full/max/0/default.jpg", "full/9,9,9/0/default.jpg"):
        answer = ask(address, headers={"origin": "https://viewer.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
    stranger = web.get(f"{base}/info.json", headers={"authorization": ""})
    assert stranger.status_code == 401
    assert stranger.headers["access-control-allow-origin"] == "*"


def test_nothing_else_is_read_by_other_sites(reader: Web, installation: Installation) -> None:
    """§7.1 is of IIIF's addresses alone."""
    for address in ("/api/exams", f"/deepzoom/{installation.images['north']}.dzi", "/", "/healthz"):
        assert "access-control-allow-origin" not in reader.get(address).headers


def test_browsers_may_ask_whether_they_may_ask(web: Web, base: str) -> None:
    """§7, §7.1: the preflight request, which comes without a token."""
    asked = {
        "origin": "https://viewer.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    for address in (f"{base}/info.json", f"{base}/full/max/0/default.jpg", "/iiif/3/nothing"):
        answer = web.request("OPTIONS", address, headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "GET" in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    for address in ("/api/exams", "/iiif", "/"):
        assert (
            "access-control-allow-origin"
            not in web.request("OPTIONS", address, headers=asked).headers
        )


def test_the_canonical_address_and_the_level_are_linked(ask: Ask, base: str) -> None:
    """§4.8 canonicalLinkHeader, §6 profileLinkHeader."""
    answer = ask("pct:0,0,50,100/275,/0.0/default.jpg")
    canonical = f"{ORIGIN}{base}/0,0,550,700/275,350/0/default.jpg"
    links = {
        name: address
        for address, name in re.findall(r'<([^>]*)>;rel="(\w+)"', answer.headers["link"])
    }
    assert links["canonical"] == canonical
    assert links["profile"] == "http://iiif.io/api/image/3/level2.json"
    again = ask(canonical.removeprefix(f"{ORIGIN}{base}/"))
    assert again.content == answer.content
    assert again.headers["etag"] == answer.headers["etag"]


def test_heads_and_holders(ask: Ask, reader: Web, base: str, storage: CountingStorage) -> None:
    """§7: HEAD is recommended; §7.2: 304 as HTTP has it."""
    for address in ("10,20,300,200/max/0/default.jpg", "240,240,240,240/240,/0/default.jpg"):
        first = ask(address)
        head = reader.head(f"{base}/{address}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(first.content))
        reads = storage.reads
        for held in (first.headers["etag"], f'"x", W/{first.headers["etag"]}'):
            again = ask(address, headers={"if-none-match": held})
            assert (again.status_code, again.content) == (304, b"")
        assert storage.reads == reads
    assert reader.post(f"{base}/info.json").status_code == 405


@pytest.mark.parametrize(
    "identifier",
    ["nothing", "d3adb33fd3adb33f", "a%2Fb", "%5Bfrob%5D", "%3Ffrob", "..%2F", "%00", "é"],
)
def test_unknown_identifiers(reader: Web, identifier: str) -> None:
    """§3, §7.3, §9: no such image is a 404, however it is written."""
    for rest in ("", "/info.json", "/full/max/0/default.jpg"):
        assert reader.get(f"/iiif/3/{identifier}{rest}").status_code == 404


def test_an_escaped_identifier_is_the_same(reader: Web, base: str) -> None:
    """§9: percent-encoding other characters introduces no ambiguity."""
    escaped = "".join(f"%{ord(letter):02X}" for letter in base.rpartition("/")[2])
    plain = reader.get(f"{base}/full/100,/0/default.jpg").content
    assert reader.get(f"/iiif/3/{escaped}/full/100,/0/default.jpg").content == plain


def test_an_establishment_learns_nothing_of_another_s(web: Web, installation: Installation) -> None:
    """§7.3: what is not for this caller does not exist."""
    web.headers.update(installation.bearer(Role.READER, "north"))
    foreign, absent = f"/iiif/3/{installation.images['south']}", "/iiif/3/absent"
    for rest in ("", "/info.json", "/full/max/0/default.jpg", "/full/x/0/default.jpg"):
        own, other = web.get(absent + rest), web.get(foreign + rest)
        assert (other.status_code, other.content) == (own.status_code, own.content)
        assert other.status_code == 404
    exam = f"/iiif/presentation/3/{installation.exams['south']}/manifest"
    assert web.get(exam).status_code == 404
    web.headers.update(installation.bearer(Role.READER, "south"))
    assert web.get(f"{foreign}/info.json").status_code == 200
    assert web.get(exam).status_code == 200
