"""The nginx of `deploy/` before a server: signing in, tiles, and large uploads."""

import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from api.certificate import Made, make
from tests.api.conftest import Installation
from tests.api.uploads.client import PART, TUS, said
from tests.orthanc import free_ports
from tests.serving import Running, running

NGINX = "/usr/sbin/nginx"
DESCRIBED = Path(__file__).parents[2] / "deploy" / "nginx.conf"
AROUND = """
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log info;
events {{ worker_connections 128; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/sansverre.conf;
}}
"""
WHOLE, HALF = 6 << 20, 2621440
"""A file, and what is sent of it before its connection breaks: more than nginx takes unasked."""
SOON_S = 600.0


@dataclass(frozen=True)
class Proxied:
    server: Running
    drafts: Path
    plain: str
    made: Made
    folder: Path

    @property
    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.made.authority)


def described(folder: Path, made: Made, ports: list[int]) -> str:
    """What `deploy/` describes, on free ports of the loopback and with our own certificate."""
    back, plain, private = ports
    text = re.sub(r"\n *listen \[::\].*", "", DESCRIBED.read_text())
    changed = {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ": f"listen 127.0.0.1:{private} ",
        "127.0.0.1:8000": f"127.0.0.1:{back}",
        "https://slides.example.org": f"https://127.0.0.1:{private}",
        "slides.example.org": "127.0.0.1",
        "/etc/sansverre/tls/server.pem": str(made.certificate),
        "/etc/sansverre/tls/server.key": str(made.key),
        "/var/log/nginx": str(folder),
    }
    for before, after in changed.items():
        assert before in text
        text = text.replace(before, after)
    return text


@contextmanager
def nginx(folder: Path, text: str, port: int) -> Iterator[None]:
    (folder / "sansverre.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    around = folder / "nginx.conf"
    around.write_text(AROUND.format(folder=folder, user=user))
    command = [NGINX, "-p", str(folder), "-c", str(around), "-e", str(folder / "start.log")]
    process = subprocess.Popen(command)
    try:
        until = time.monotonic() + SOON_S
        while process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                break
        assert process.poll() is None, (folder / "start.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(SOON_S)


@pytest.fixture
def proxied(installation: Installation, tmp_path: Path) -> Iterator[Proxied]:
    made = make(tmp_path / "tls", ["127.0.0.1"])
    ports = free_ports(3)
    environment = {
        "SANSVERRE_DATA": str(installation.settings.data),
        "SANSVERRE_SECRETS": str(installation.settings.secrets),
        "SANSVERRE_PUBLIC_URL": f"https://127.0.0.1:{ports[2]}",
    }
    with (
        nginx(tmp_path, described(tmp_path, made, ports), ports[2]),
        running(environment, workers=1, port=ports[0]) as server,
    ):
        drafts = installation.settings.objects / "incoming"
        yield Proxied(server, drafts, f"http://127.0.0.1:{ports[1]}", made, tmp_path)


def test_people_sign_in_see_and_send_through_nginx(
    proxied: Proxied, installation: Installation
) -> None:
    server = proxied.server
    moved = httpx.get(f"{proxied.plain}/exam/1?a=b", trust_env=False)
    assert (moved.status_code, moved.headers["location"]) == (308, f"{server.address}/exam/1?a=b")
    with httpx.Client(
        base_url=server.address, verify=proxied.trusting, trust_env=False, timeout=60
    ) as client:
        assert client.get("/api/exams").status_code == 401
        entered = client.get(server.link)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert "Secure" in entered.headers["set-cookie"]
        assert "max-age" in entered.headers["strict-transport-security"]
        image = installation.images["north"]
        tile = client.get(f"/deepzoom/{image}_files/11/0_0.jpeg")
        assert (tile.status_code, tile.content[:2]) == (200, b"\xff\xd8")
        assert tile.headers["cache-control"]
        send(client, proxied)
    key = server.link.partition("key=")[2]
    for log in proxied.folder.glob("*.log"):
        assert key not in log.read_text()


def send(client: httpx.Client, proxied: Proxied) -> None:
    """A file larger than nginx lets through unasked; what comes of a broken part is kept."""
    own = {"origin": proxied.server.address}
    deposit = client.post("/api/deposits", json={}, headers=own).json()["id"]
    metadata = said(deposit=deposit, path="a.svs")
    headers = {**TUS, **own, "upload-length": str(WHOLE), "upload-metadata": metadata}
    location = client.post("/uploads", headers=headers).headers["location"]
    data = os.urandom(WHOLE)
    seen = break_off(client, proxied, location, data)
    until = time.monotonic() + SOON_S
    while (offset := offset_of(client, location)) == 0 and time.monotonic() < until:
        time.sleep(0.05)
    # What was on its way between two programs when the line broke need not have arrived.
    assert 0 < seen <= offset <= HALF
    part = {**PART, **own, "upload-offset": str(offset)}
    rest = client.patch(location, headers=part, content=data[offset:])
    assert (rest.status_code, offset_of(client, location)) == (204, WHOLE)
    assert client.delete(location, headers={**TUS, **own}).status_code == 204


def offset_of(client: httpx.Client, location: str) -> int:
    return int(client.head(location, headers=TUS).headers["upload-offset"])


def break_off(client: httpx.Client, proxied: Proxied, location: str, data: bytes) -> int:
    """Send the beginning of a part, and hang up; gives what had come before that, on the disk."""
    host = proxied.server.address.partition("://")[2]
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    lines = [
        f"PATCH {location} HTTP/1.1",
        *(f"{name}: {value}" for name, value in PART.items()),
        f"Host: {host}",
        f"Origin: {proxied.server.address}",
        f"Cookie: {cookies}",
        "Upload-Offset: 0",
        f"Content-Length: {len(data)}",
    ]
    address, _, port = host.partition(":")
    with (
        socket.create_connection((address, int(port)), SOON_S) as plain,
        proxied.trusting.wrap_socket(plain, server_hostname=address) as connection,
    ):
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + data[:HALF])
        # As it comes, and not once the part is whole.
        draft = proxied.drafts / location.rpartition("/")[2]
        until = time.monotonic() + SOON_S
        seen = 0
        while seen == 0 and time.monotonic() < until:
            time.sleep(0.05)
            # It begins with the first bytes of the part.
            seen = draft.stat().st_size if draft.exists() else 0
    return seen
