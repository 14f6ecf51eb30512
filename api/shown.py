"""Which certificate a caller shows, as the tables of who may call name it."""

import hashlib
import re

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
MOST_CHARACTERS = 253


def read_named(stated: str) -> str:
    """How a table names a certificate: `sha256:` and its digest, or a name that stands in it.

    Raises ValueError, in words for who wrote it.
    """
    named = stated.strip().lower()
    if named.startswith("sha256:"):
        named = named.replace(":", "").replace("sha256", "sha256:", 1)
        if not _SHA256.fullmatch(named):
            raise ValueError("certificate has 64 hexadecimal digits behind sha256:")
    elif not 0 < len(named) <= MOST_CHARACTERS:
        raise ValueError('certificate is a name in it, or "sha256:" and its digest')
    return named


def is_named(certificate: bytes | None, named: str) -> bool:
    """Whether a certificate (DER) is the one that `read_named` gave; nobody shows none.

    Names are its subject's common name and its DNS names. Who signed it was looked at before.
    """
    if certificate is None:
        return False
    if named.startswith("sha256:"):
        return named == f"sha256:{hashlib.sha256(certificate).hexdigest()}"
    try:
        return named in _names(x509.load_der_x509_certificate(certificate))
    except ValueError:
        # What OpenSSL lets pass and cannot be read has no name.
        return False


def _names(certificate: x509.Certificate) -> set[str]:
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = {str(one.value) for one in common}
    try:
        found = certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        ).value
    except x509.ExtensionNotFound:
        found = None
    if isinstance(found, x509.SubjectAlternativeName):
        names |= set(found.get_values_for_type(x509.DNSName))
    return {one.strip().lower() for one in names}
