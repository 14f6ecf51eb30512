"""Servers under a name that is not the loopback's, and a browser that finds them by it."""

import base64
import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser

from api.certificate import Made, make
from api.doors import Doors
from api.policies import Role
from api.settings import read_settings, signing_key
from tests.browser import chromium
from tests.deposit.conftest import Server

NAME = "photos.example"
PATIENT = {"patient_id": "7", "issuer": "registry", "name": "SPECIMEN^ONE"}
KEPT = """async () => {
    const asked = request => new Promise(done => request.onsuccess = () => done(request.result));
    const database = await asked(indexedDB.open("sansverre-queue"));
    const stores = database.transaction(["entry", "picture"]);
    return Promise.all(["entry", "picture"].map(one => asked(stores.objectStore(one).count())));
}"""
"""How many pictures, and what is known of them, the browser still keeps."""


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("tls"), [NAME])


@pytest.fixture(scope="package")
def phones_browser(made: Made) -> Iterator[Browser]:
    """It knows the name, takes our own authority's certificate for good, and has a camera."""
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(key).digest()).decode()
    with chromium(
        f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
        f"--ignore-certificate-errors-spki-list={pin}",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ) as started:
        yield started


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without TLS."""
    server = Server(tmp_path_factory.mktemp("plain"))
    yield server
    server.stop()


def contributor(server: Server, user: str = "somebody") -> str:
    """A token of that user."""
    key = signing_key(read_settings(server.environment))
    return Doors(key).issue(Role.CONTRIBUTOR, "local", subject=user)


def by_name(server: Server) -> str:
    """The server's address as phones know it."""
    return server.address.replace("127.0.0.1", NAME)


def begin(server: Server, token: str, authority: Path | None = None) -> str:
    """A session that is open; gives its name."""
    asked = httpx.post(
        f"{server.address}/api/sessions",
        json={"patient": PATIENT},
        headers={"authorization": f"Bearer {token}"},
        verify=ssl.create_default_context(cafile=authority),
        trust_env=False,
        timeout=600,
    )
    assert asked.status_code == 201, asked.text
    return str(asked.json()["id"])
