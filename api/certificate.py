"""TLS for a practice that has no certificate of its own: `sansverre certificate`.

An authority is made for the names that are given and for no others (RFC 5280, 4.2.1.10): whoever
got hold of its key could speak for this service alone, not for a bank. Phones are told to trust it
once; the server's own certificate is made anew with the same command when it runs out.
"""

import ipaddress
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from api.errors import BadSettings

AUTHORITY_LASTS = timedelta(days=3650)
SERVER_LASTS = timedelta(days=820)
"""iOS trusts no certificate for longer than 825 days, whoever signed it."""

ITSELF = ("localhost", "127.0.0.1", "::1")
"""How the machine calls itself: whoever starts the server opens the printed link there."""

_HOST = re.compile(r"(?!-)[0-9a-z-]{1,63}(?<!-)(\.(?!-)[0-9a-z-]{1,63}(?<!-))*")


@dataclass(frozen=True, slots=True)
class Made:
    """The files of a certificate; `authority` is what phones are to trust, and no secret."""

    authority: Path
    certificate: Path
    key: Path
    until: datetime


def make(folder: Path, hosts: list[str]) -> Made:
    """A certificate for these names and this machine's own, by the authority in the folder.

    The authority is made where there is none. Raises BadSettings for a name that is none, and
    where the authority is one for other names.
    """
    names = [_name(host) for host in dict.fromkeys([*hosts, *ITSELF])]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Made(
        folder / "authority.pem",
        folder / "server.pem",
        folder / "server.key",
        datetime.now(UTC) + SERVER_LASTS,
    )
    authority_key = folder / "authority.key"
    if not made.authority.exists():
        _make_authority(made.authority, authority_key, hosts[0], names)
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    signing = serialization.load_pem_private_key(authority_key.read_bytes(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    _require_allowed(made.authority, authority, names)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(hosts[0], authority.subject, key.public_key(), made.until)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_by(signing), critical=False)
        .sign(signing, hashes.SHA256())
    )
    _write(made.key, _pem(key))
    _write(made.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return made


def _make_authority(path: Path, key_path: Path, host: str, names: list[x509.GeneralName]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Sans Verre, {host}"[:64])])
    until = datetime.now(UTC) + AUTHORITY_LASTS
    authority = (
        _builder(f"Sans Verre, {host}", named, key.public_key(), until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(
            x509.NameConstraints([_subtree(name) for name in names], None), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _pem(key))
    _write(path, authority.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Clocks of phones may be a little late.
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(until)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _by(signing: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if len(host) > 253 or not _HOST.fullmatch(host):
            raise BadSettings(
                f"{host!r} is no host name: give it as browsers do, such as photos.example.org"
            ) from None
        return x509.DNSName(host)


def _subtree(name: x509.GeneralName) -> x509.GeneralName:
    if isinstance(name, x509.IPAddress):
        return x509.IPAddress(ipaddress.ip_network(str(name.value)))
    return name


def _require_allowed(
    path: Path, authority: x509.Certificate, names: list[x509.GeneralName]
) -> None:
    found = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    if not {_subtree(name) for name in names} <= set(found.permitted_subtrees or ()):
        raise BadSettings(
            f"{path} is an authority for other names: move it and its key away, a new one is made, "
            "and every phone is told to trust that"
        )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write it whole, by another name first: a server that is starting reads the old or the new."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
