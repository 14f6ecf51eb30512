"""Where things are kept."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from api.errors import BadSettings
from api.settings import Settings, read_settings, signing_key


def settings_in(folder: Path) -> Settings:
    return read_settings(
        {"SANSVERRE_DATA": str(folder / "data"), "SANSVERRE_SECRETS": str(folder / "secrets")}
    )


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = read_settings({"XDG_CONFIG_HOME": str(tmp_path / "config")})
    assert found.data == tmp_path / "sansverre-data"
    assert found.secrets == tmp_path / "config" / "sansverre"
    assert found.database_url == f"sqlite:///{tmp_path}/sansverre-data/catalog.sqlite"
    assert found.public_url is None
    assert not found.is_https


def test_stated(tmp_path: Path) -> None:
    found = read_settings(
        {
            "SANSVERRE_DATA": str(tmp_path),
            "SANSVERRE_SECRETS": str(tmp_path.parent / "keys"),
            "SANSVERRE_DATABASE": "postgresql://db/archive",
            "SANSVERRE_PUBLIC_URL": "https://slides.example.org/",
        }
    )
    assert found.database_url == "postgresql://db/archive"
    assert found.public_url == "https://slides.example.org"
    assert found.is_https


def test_objects_may_lie_elsewhere(tmp_path: Path) -> None:
    places = {"SANSVERRE_DATA": str(tmp_path / "data"), "SANSVERRE_SECRETS": str(tmp_path / "keys")}
    assert read_settings(places).objects_url == (tmp_path / "data" / "objects").as_uri()
    stated = read_settings({**places, "SANSVERRE_OBJECTS": "s3://bucket/prefix"})
    assert stated.objects_url == "s3://bucket/prefix"


@pytest.mark.parametrize(
    "stated", ["/somewhere", "s3:bucket", "file://host/folder", "gopher://key"]
)
def test_a_store_that_is_none_is_refused(tmp_path: Path, stated: str) -> None:
    with pytest.raises(BadSettings, match="SANSVERRE_OBJECTS") as refused:
        read_settings({"SANSVERRE_DATA": str(tmp_path), "SANSVERRE_OBJECTS": stated})
    assert stated not in str(refused.value)


@pytest.mark.parametrize("inside", ["", "keys", "a/b"])
def test_keys_do_not_lie_among_the_data(tmp_path: Path, inside: str) -> None:
    with pytest.raises(BadSettings, match="SANSVERRE_SECRETS"):
        read_settings(
            {"SANSVERRE_DATA": str(tmp_path), "SANSVERRE_SECRETS": str(tmp_path / inside)}
        )


@pytest.mark.parametrize(
    ("stated", "origin"),
    [
        ("https://Slides.Example.org:443/", "https://slides.example.org"),
        ("http://slides.example.org:8443", "http://slides.example.org:8443"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_the_public_address_is_as_browsers_write_it(
    tmp_path: Path, stated: str, origin: str
) -> None:
    """Or the `Origin` of our own pages would be taken for another's."""
    found = read_settings({"SANSVERRE_DATA": str(tmp_path), "SANSVERRE_PUBLIC_URL": stated})
    assert found.public_url == origin


@pytest.mark.parametrize(
    "url",
    [
        *("slides", "ftp://x", "http://", "http://x?y", "//x", "http://x#y", "http://x:y"),
        *("https://x/slides", "https://name:word@x", "https://[x", "https://x\n"),
    ],
)
def test_a_public_address_is_an_address(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSettings, match="SANSVERRE_PUBLIC_URL"):
        read_settings({"SANSVERRE_DATA": str(tmp_path), "SANSVERRE_PUBLIC_URL": url})


def test_the_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    key = signing_key(settings)
    assert len(key) == 32
    assert signing_key(settings) == key
    path = settings.secrets / "signing.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert settings.secrets.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in settings.secrets.iterdir()] == ["signing.key"]


def test_all_who_ask_first_get_the_same_key(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        keys = set(processes.map(signing_key, [settings] * 9))
    assert len(keys) == 1


@pytest.mark.parametrize("text", ["", "zz", "abcd", "é" * 64])
def test_a_damaged_key_is_not_replaced(tmp_path: Path, text: str) -> None:
    settings = settings_in(tmp_path)
    settings.secrets.mkdir()
    path = settings.secrets / "signing.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadSettings, match="move it away"):
        signing_key(settings)
    assert path.read_text() == text


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    signing_key(settings)
    (settings.secrets / "signing.key").chmod(0o644)
    with pytest.raises(BadSettings, match="chmod"):
        signing_key(settings)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("a file")
    with pytest.raises(BadSettings, match="SANSVERRE_SECRETS"):
        signing_key(settings_in(tmp_path))
    assert [one.name for one in tmp_path.iterdir()] == ["secrets"]
