"""TLS as this server speaks it, where it does so itself."""

import ssl

from api.errors import BadSettings
from api.settings import Tls


def require_usable(tls: Tls) -> None:
    """Raises BadSettings for files that cannot be served with, or a key that others can read."""
    try:
        if tls.key.stat().st_mode & 0o007:
            raise BadSettings(f"{tls.key} can be read by others: run chmod 600 on it")
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            tls.certificate, tls.key, password=_no_password
        )
    except ssl.SSLError as error:
        raise BadSettings(
            f"{tls.certificate} and {tls.key} are no certificate with its key, both in PEM and "
            "the key without a password: see SANSVERRE_TLS_CERTIFICATE, or `sansverre certificate`"
        ) from error
    except OSError as error:
        raise BadSettings(
            f"{error.filename or tls.certificate} cannot be read ({error.strerror}): "
            "see SANSVERRE_TLS_CERTIFICATE and SANSVERRE_TLS_KEY"
        ) from error


def towards_ourselves(tls: Tls) -> ssl.SSLContext:
    """What trusts this very certificate, whatever names it is for: this machine calls itself."""
    context = ssl.create_default_context()
    context.load_verify_locations(tls.certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context


def _no_password() -> str:
    # OpenSSL would ask for it at the terminal.
    return ""
