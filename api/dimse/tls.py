"""TLS with our peers (PS3.15 B), by the certificates that the table names."""

import ssl
from pathlib import Path

from api.dimse.table import Certificates, Destination, Table
from api.errors import BadSettings


def for_callers(table: Table) -> ssl.SSLContext | None:
    """What we answer with; with authorities, callers show a certificate. Raises BadSettings."""
    if table.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _certified(context, table.tls)
    if table.tls.authorities is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def towards(table: Table, to: Destination) -> ssl.SSLContext | None:
    """What we call with: the peer's certificate is for its host, and signed by an authority."""
    if not to.is_tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    if table.tls is not None:
        _certified(context, table.tls)
    return context


def _certified(context: ssl.SSLContext, files: Certificates) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
        if files.authorities is not None:
            context.load_verify_locations(files.authorities)
    except (OSError, ssl.SSLError) as error:
        raise BadSettings(
            "the files of [tls] are no certificate with its key and its authorities, all in PEM "
            "and the key without a password"
        ) from error
    _require_own(files.key)


def _require_own(key: Path) -> None:
    if key.stat().st_mode & 0o007:
        raise BadSettings(f"{key} can be read by others: run chmod 600 on it")


def _no_password() -> str:
    # OpenSSL would ask for it at the terminal.
    return ""
