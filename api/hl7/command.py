"""The command `sansverre listen`: messages of HL7 v2 over MLLP."""

import argparse
import ipaddress
import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from api import values
from api.errors import BadSettings, CannotServe

if TYPE_CHECKING:
    from api.settings import Settings

PORT = 2575
"""The port that is registered for HL7 over MLLP."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the parser."""
    listen = commands.add_parser("listen", help="take messages of HL7 v2 over MLLP")
    listen.set_defaults(run=_listen)
    listen.add_argument("--host", default="127.0.0.1")
    listen.add_argument("--port", type=values.port, default=PORT)
    listen.add_argument(
        "--clients",
        metavar="FILE",
        help="with TLS: take connections only of who shows a certificate of this authority (PEM)",
    )
    listen.add_argument(
        "--in-clear",
        action="store_true",
        help="listen without TLS to other machines, on a network that nobody else reads",
    )


def _listen(arguments: argparse.Namespace) -> int:
    from api.hl7.exchange import Exchange
    from api.hl7.listener import Limits, Listener, stop_with_signals
    from api.hl7.senders import read_senders
    from api.logs import to_stderr
    from api.settings import read_settings
    from api.work import open_workplace

    settings = read_settings()
    senders = read_senders(settings.hl7.senders)
    tls = _tls(settings, arguments.clients)
    if any(one.certificate for one in senders) and arguments.clients is None:
        raise BadSettings("a sender's certificate is seen only with --clients: name its authority")
    to_stderr()
    with (
        _listening(arguments.host, arguments.port, anywhere=bool(tls) or arguments.in_clear) as at,
        open_workplace(settings) as place,
    ):
        limits = Limits(max_bytes=settings.hl7.max_bytes, kept_days=settings.hl7.kept_days)
        listener = Listener(Exchange(place, senders), limits, tls)
        stop_with_signals(listener)
        host, port = at.getsockname()[:2]
        sys.stdout.write(f"Sans Verre listens for HL7 messages on {host}:{port}\n")
        sys.stdout.flush()
        listener.run(at)
    return 0


def _tls(settings: "Settings", clients: str | None) -> ssl.SSLContext | None:
    from api.tls import require_usable

    if settings.tls is None:
        if clients is not None:
            raise BadSettings("--clients goes with TLS: set SANSVERRE_TLS_CERTIFICATE and _KEY")
        return None
    require_usable(settings.tls)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls.certificate, settings.tls.key)
    if clients is not None:
        try:
            context.load_verify_locations(Path(clients))
        except (OSError, ssl.SSLError) as error:
            raise BadSettings(f"{clients} is no certificate of an authority, in PEM") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _listening(host: str, port: int, *, anywhere: bool) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CannotServe(f"{host}: there is no such address") from error
    family, kind, protocol, _, address = found[0]
    if not anywhere and not ipaddress.ip_address(address[0]).is_loopback:
        raise CannotServe(
            f"{host} can be reached from other machines: set SANSVERRE_TLS_CERTIFICATE and _KEY, "
            "or say --in-clear where nobody else reads that network"
        )
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(64)
    except OSError as error:
        listening.close()
        raise CannotServe(
            f"{host}:{port} cannot be listened on ({error.strerror}): choose another --port"
        ) from error
    return listening
