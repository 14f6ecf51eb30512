"""Certificates of hospitals, and of those whom they know."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path


def pair(folder: Path, name: str, authority: Pair | None = None) -> Pair:
    """A certificate for this machine, by an authority or as one."""
    made = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    key = rsa.generate_private_key(65537, 2048)
    subject = issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing = key
    if authority is not None:
        issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes()).subject
        found = load_pem_private_key(authority.key.read_bytes(), None)
        assert isinstance(found, rsa.RSAPrivateKey)
        signing = found
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(signing, hashes.SHA256())
    )
    made.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made.key.write_bytes(pem)
    made.key.chmod(0o600)
    return made


def der(one: Pair) -> bytes:
    """As a caller shows it."""
    read = x509.load_pem_x509_certificate(one.certificate.read_bytes())
    return read.public_bytes(Encoding.DER)


def digest_of(one: Pair) -> str:
    """As `openssl x509 -fingerprint -sha256` writes it."""
    certificate = x509.load_pem_x509_certificate(one.certificate.read_bytes())
    return f"sha256:{certificate.fingerprint(hashes.SHA256()).hex(':').upper()}"
