"""`sansverre serve` keeps the process beside its own where a table says who may call."""

import subprocess
from pathlib import Path

import httpx
import pytest

from api.cli import main
from api.settings import Settings
from tests.orthanc import free_ports
from tests.serving import LONG_S, running, until


def test_serve_keeps_it_running(archive: tuple[Settings, dict[str, str]], tmp_path: Path) -> None:
    settings, _ = archive
    (port,) = free_ports(1)
    table = tmp_path / "dimse.toml"
    table.write_text(f'address = "127.0.0.1:{port}"\n[peers.ECHOES]\nestablishment = "north"\n')
    environment = {
        "SANSVERRE_DATA": str(settings.data),
        "SANSVERRE_SECRETS": str(settings.secrets),
        "SANSVERRE_DIMSE": str(table),
    }

    def is_there() -> bool:
        asked = ["/usr/bin/echoscu", "-aet", "ECHOES", "-aec", "SANSVERRE"]
        where = ["127.0.0.1", str(port)]
        done = subprocess.run([*asked, *where], capture_output=True, check=False, timeout=LONG_S)
        return done.returncode == 0

    with running(environment, workers=1) as server:
        until(is_there)
        with httpx.Client(base_url=server.address, timeout=LONG_S) as client:
            client.get(server.link)
            assert 'service="echo"' in client.get("/metrics").text
    assert not is_there()


@pytest.mark.parametrize("command", ["serve", "dimse"])
def test_a_wrong_table_is_said_at_once(
    tmp_path: Path,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = tmp_path / "dimse.toml"
    table.write_text("nothing = 1\n")
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "secrets"))
    monkeypatch.setenv("SANSVERRE_DIMSE", str(table))
    assert main([command]) == 1
    assert "nothing" in capsys.readouterr().err
