"""The table of who may call: what is not stated is refused, and what means nothing is named."""

from pathlib import Path

import pytest

from api.dimse.table import Certificates, Destination, Right, read_table
from api.errors import BadSettings

PEER = '[peers.ONE]\nestablishment = "north"\n'


def table(folder: Path, text: str) -> Path:
    path = folder / "dimse.toml"
    path.write_text(text)
    return path


def test_what_is_stated_and_nothing_else(tmp_path: Path) -> None:
    read = read_table(table(tmp_path, PEER))
    assert (read.title, read.host, read.port, read.tls) == ("SANSVERRE", "127.0.0.1", 11112, None)
    assert read.peers["ONE"].may == {Right.ECHO}
    assert read.peers["ONE"].destination is None
    whole = read_table(
        table(
            tmp_path,
            'address = "0.0.0.0:104"\n[tls]\ncertificate = "c.pem"\nkey = "/k.pem"\n'
            '[peers."TWO WORDS"]\nestablishment = "north"\nmay = ["find"]\n'
            'from = ["10.0.0.0/8"]\nhost = "pacs"\nport = 104\n',
        )
    )
    assert whole.tls == Certificates(tmp_path / "c.pem", Path("/k.pem"))
    peer = whole.peers["TWO WORDS"]
    assert peer.destination == Destination("pacs", 104)
    assert peer.may_call_from("10.1.2.3")
    assert peer.may_call_from("::ffff:10.1.2.3")
    assert not peer.may_call_from("11.1.2.3")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "nobody may call"),
        ("title = ", "no TOML"),
        (f'address = "0.0.0.0:104"\n{PEER}', "other machines"),
        (f'address = "localhost"\n{PEER}', "address"),
        (f'address = "127.0.0.1:99999"\n{PEER}', "address"),
        (f'titel = "A"\n{PEER}', "titel"),
        (f'title = "MUCH TOO LONG A TITLE"\n{PEER}', "title"),
        ("[peers.ONE]\n", "establishment"),
        (f'{PEER}may = ["erase"]', "may"),
        (f'{PEER}host = "pacs"', "host and port"),
        (f'{PEER}from = ["home"]', "networks"),
        (f"{PEER}[limits]\nfound = 0", "found"),
        (f'{PEER}[tls]\nkey = "k"', "certificate"),
        (f'{PEER}certificate = "theirs"', "authorities"),
        (f'{PEER}certificate = "sha256:12"', "64"),
        (f'{PEER}certificate = ""', "digest"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadSettings, match=named):
        read_table(table(tmp_path, text))


def test_a_private_network_is_said_to_be_one(tmp_path: Path) -> None:
    assert read_table(table(tmp_path, f'open = true\naddress = "0.0.0.0:104"\n{PEER}')).port == 104
