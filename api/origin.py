"""Where a caller reaches this server, and whether nobody between can read along."""

import ipaddress
from urllib.parse import urlsplit

from starlette.types import Scope

from api.settings import Settings


def own_origin(settings: Settings, scope: Scope) -> str:
    """The origin that a caller reaches this server by: as it is stated, else as it was asked."""
    if settings.public_url is not None:
        return settings.public_url
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return f"{scope['scheme']}://{host.decode('latin-1')}"


def is_of_this_machine(origin: str) -> bool:
    """Whether only the machine itself is reached by that origin."""
    host = urlsplit(origin).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(origin: str) -> bool:
    """Whether browsers take it for a secure context: over TLS, or within one machine."""
    return origin.startswith("https://") or is_of_this_machine(origin)
