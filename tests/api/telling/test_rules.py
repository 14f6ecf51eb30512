"""The table of archives: what it says, and what is wrong in it."""

import json
from pathlib import Path

import pytest

from api import cli
from api.archives import REMOTE, read_archives
from api.errors import BadSettings
from api.settings import Settings, read_settings
from archive.dimse_station import Encrypted, Station
from archive.record import OutboxState
from archive.telling.rules import Corrections, Takes
from tests.api.telling.places import HERE, at, photographed

WEB = "[archives.web]\nestablishment = 'north'\nurl = 'https://pacs.example.org/dicom-web'\n"

STATION = "[archives.old]\nestablishment = 'e'\nhost = '10.1.2.3'\nport = 104\ntitle = 'PACS'\n"


def test_a_table_names_several_archives_each_with_its_rule(tmp_path: Path) -> None:
    table = tmp_path / "archives.toml"
    table.write_text(
        WEB
        + """
takes = ["photographs", "thumbnails"]
corrections = "again"

[archives.old]
establishment = "south"
host = "10.1.2.3"
port = 104
title = "PACS"
commits = true
listens = "10.1.2.4:11113"
concatenations = true
grade = "committed"
tls = { authorities = "hospital.pem" }
"""
    )
    web, old = read_archives(table)
    assert (web.name, web.establishment, web.corrections) == ("web", "north", Corrections.AGAIN)
    assert web.takes == {Takes.PHOTOGRAPHS, Takes.THUMBNAILS}
    assert old.station == Station(
        "10.1.2.3",
        104,
        "PACS",
        tls=Encrypted(tmp_path / "hospital.pem"),
        commits=True,
        listens=("10.1.2.4", 11113),
    )
    assert (old.best, old.corrections) == (OutboxState.COMMITTED, Corrections.HL7)
    assert (web.concatenations, old.concatenations) == (False, True)
    assert "pacs.example" not in repr(web)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("archives = [", "TOML"),
        (WEB + 'colour = "red"', "'colour'"),
        (WEB + 'takes = ["everything"]', "'everything'"),
        (WEB + WEB.replace("web", "two", 1).replace("north", "south"), "knows_issuers"),
        (WEB + 'grade = "sure"', "grade"),
        (WEB.replace("url = 'https", "url = 'ftp"), "https://archive.example.org"),
        ("[archives.a]\nurl = 'https://a'", "establishment"),
        ('[archives.a]\nestablishment = "e"', "url"),
        ('[archives.a]\nestablishment = "e"\nhost = "h"', "port"),
        (WEB + 'knows_issuers = "false"', "knows_issuers"),
        (WEB + "asks = 0", "asks"),
        (WEB + 'concatenations = "no"', "concatenations"),
        (WEB.replace("pacs.example", "pacs..example"), "https://archive.example.org"),
        (WEB.replace("example.org", "example.org:99999"), "https://archive.example.org"),
        (STATION.replace("PACS", "A TITLE OF 17 CHA"), "16 letters"),
        (STATION + 'calling = "Ä"', "16 letters"),
        (STATION.replace("10.1.2.3", "10..3"), "host"),
        (STATION + 'commits = "no"', "commits"),
        (STATION + 'listens = ":11113"', "listens"),
        (STATION + 'listens = "10.1.2.4"', "listens"),
        (WEB + 'tls = { key = "k" }\nhost = "h"\nport = 1\ntitle = "T"', "authorities"),
    ],
)
def test_what_is_wrong_in_it_is_named(tmp_path: Path, text: str, word: str) -> None:
    table = tmp_path / "archives.toml"
    table.write_text(text)
    with pytest.raises(BadSettings) as raised:
        read_archives(table)
    assert word in str(raised.value)


def test_an_archive_that_takes_no_photographs_lacks_none(
    settings: Settings,
    empty_catalogue: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nor is it given those of before it was configured."""
    with at(settings, empty_catalogue) as place:
        photographed(place, tmp_path, 991)
    table = tmp_path / "archives.toml"
    monkeypatch.setenv("SANSVERRE_ARCHIVES", str(table))
    said = []
    for takes in ("thumbnails", "photographs"):
        table.write_text(WEB.replace("north", HERE) + f"takes = ['{takes}']")
        assert cli.main(["outbox", "--json", "--missing"]) == 0
        told = json.loads(capsys.readouterr().out)
        said.append((told.get("put_in"), told["lacking"], told["waiting"]))
    assert said == [(0, 0, 0), (1, 0, 1)]


def test_one_archive_is_stated_once(tmp_path: Path) -> None:
    table = tmp_path / "archives.toml"
    table.write_text(WEB.replace("archives.web", f"archives.{REMOTE}"))
    stated = {
        "SANSVERRE_DATA": str(tmp_path / "data"),
        "SANSVERRE_SECRETS": str(tmp_path / "keys"),
        "SANSVERRE_ARCHIVES": str(table),
    }
    assert [one.name for one in read_settings(stated).archives] == [REMOTE]
    with pytest.raises(BadSettings, match="state it once"):
        read_settings(stated | {"SANSVERRE_ARCHIVE_URL": "https://a.example.org"})
    with_endpoint = tmp_path / "endpoint.toml"
    with_endpoint.write_text(WEB + "fhir_url = 'https://fhir.example.org/r4'")
    with pytest.raises(BadSettings, match="SANSVERRE_PUBLIC_URL"):
        read_settings(stated | {"SANSVERRE_ARCHIVES": str(with_endpoint)})
    with pytest.raises(BadSettings, match="hl7, again, reincarnation"):
        read_settings(
            {
                **stated,
                "SANSVERRE_ARCHIVES": "",
                "SANSVERRE_ARCHIVE_URL": "https://a.example.org",
                "SANSVERRE_ARCHIVE_CORRECTIONS": "maybe",
            }
        )
