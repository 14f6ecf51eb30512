"""A workplace of their own for tests of messages, and messages to send."""

import shutil
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from api.hl7.senders import Sender
from api.settings import read_settings
from api.work import Workplace, open_workplace

HERE = "Hôpital A"
GAM = Sender("GAM", "CHU", HERE, (ip_network("127.0.0.0/8"),), issuer="CHU")


def message(kind: str, *segments: str, control: str = "1", charset: str = "UNICODE UTF-8") -> bytes:
    """A message of the sender that is known."""
    header = rf"MSH|^~\&|GAM|CHU|SANSVERRE|HA|20260301120000||{kind}|{control}|P|2.5^FRA^2.11"
    encodings = {"8859/15": "iso8859-15", "8859/1": "iso8859-1"}
    text = "\r".join([f"{header}||||||{charset}", *segments]) + "\r"
    return text.encode(encodings.get(charset, "utf-8"))


@pytest.fixture
def place(tmp_path: Path, empty_catalogue: Path) -> Iterator[Workplace]:
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(empty_catalogue, tmp_path / "data")
    settings = read_settings(
        {"SANSVERRE_DATA": str(tmp_path / "data"), "SANSVERRE_SECRETS": str(tmp_path / "secrets")}
    )
    with open_workplace(settings) as opened:
        yield opened
