"""TLS by a certificate of one's own making, and the server that speaks it."""

import ssl
import stat
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from api.certificate import Made, make
from api.errors import BadSettings
from api.settings import Tls, read_settings
from api.tls import require_usable
from tests.api.conftest import Installation
from tests.serving import running

HOST = "photos.example"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("tls"), [HOST, "192.168.1.20"])


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_keys_are_their_owner_s_alone(made: Made) -> None:
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in made.key.parent.iterdir()}
    assert modes == {
        "authority.key": 0o600,
        "authority.pem": 0o644,
        "server.key": 0o600,
        "server.pem": 0o644,
    }


def test_the_certificate_is_one_that_phones_take(made: Made) -> None:
    server = read(made.certificate)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST, "localhost"]
    assert "192.168.1.20" in map(str, names.get_values_for_type(x509.IPAddress))
    assert (server.not_valid_after_utc - server.not_valid_before_utc).days <= 825
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.oid.ExtendedKeyUsageOID.SERVER_AUTH in usage
    server.verify_directly_issued_by(read(made.authority))


def test_the_authority_speaks_for_these_names_alone(made: Made, tmp_path: Path) -> None:
    constraints = read(made.authority).extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert x509.DNSName(HOST) in (constraints.value.permitted_subtrees or ())
    assert x509.DNSName("bank.example") not in (constraints.value.permitted_subtrees or ())
    with pytest.raises(BadSettings, match="other names"):
        make(made.key.parent, ["bank.example"])


def test_a_new_certificate_is_of_the_same_authority(tmp_path: Path) -> None:
    first = make(tmp_path, [HOST])
    authority, server = first.authority.read_bytes(), first.certificate.read_bytes()
    again = make(tmp_path, [HOST])
    assert again.authority.read_bytes() == authority
    assert again.certificate.read_bytes() != server


@pytest.mark.parametrize("host", ["", "a b", "-a.example", "a..b", "https://a", "*.example"])
def test_what_is_no_name_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadSettings, match="no host name"):
        make(tmp_path / "tls", [host])
    assert not (tmp_path / "tls").exists()


def test_a_key_that_others_read_is_refused(tmp_path: Path) -> None:
    made = make(tmp_path, [HOST])
    require_usable(Tls(made.certificate, made.key))
    made.key.chmod(0o644)
    with pytest.raises(BadSettings, match="chmod"):
        require_usable(Tls(made.certificate, made.key))


def test_files_that_do_not_go_together_are_refused(made: Made, tmp_path: Path) -> None:
    other = make(tmp_path, [HOST])
    for tls in (
        Tls(made.certificate, other.key),
        Tls(made.key, made.key),
        Tls(made.certificate, tmp_path / "nothing"),
    ):
        with pytest.raises(BadSettings, match="SANSVERRE_TLS_CERTIFICATE"):
            require_usable(tls)


@pytest.mark.parametrize("stated", ["SANSVERRE_TLS_CERTIFICATE", "SANSVERRE_TLS_KEY"])
def test_one_without_the_other_is_refused(stated: str) -> None:
    with pytest.raises(BadSettings, match="go together"):
        read_settings({stated: "/somewhere"})


def test_the_server_speaks_tls_to_who_trusts_the_authority(
    made: Made, installation: Installation
) -> None:
    environment = {
        "SANSVERRE_DATA": str(installation.settings.data),
        "SANSVERRE_SECRETS": str(installation.settings.secrets),
        "SANSVERRE_TLS_CERTIFICATE": str(made.certificate),
        "SANSVERRE_TLS_KEY": str(made.key),
    }
    trusting = ssl.create_default_context(cafile=made.authority)
    with running(environment, workers=1) as server:
        assert server.address.startswith("https://127.0.0.1:")
        with httpx.Client(
            base_url=server.address, verify=trusting, trust_env=False, timeout=600
        ) as client:
            entered = client.get(server.link)
            assert entered.status_code == 303
            assert "Secure" in entered.headers["set-cookie"]
            assert client.get("/api/exams").status_code == 200
        stranger = httpx.Client(base_url=server.address, trust_env=False, timeout=600)
        with stranger, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.get("/healthz")
