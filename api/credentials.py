"""The commands `sansverre certificate` and `sansverre token`: what a server and a script show."""

import argparse

from api import values

ROLES = ("reader", "contributor", "physician", "operator")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the command line."""
    certificate = commands.add_parser("certificate", help="TLS for phones, where there is none yet")
    certificate.set_defaults(run=_certificate)
    certificate.add_argument(
        "hosts", metavar="HOST", nargs="+", help="the name or address that phones open"
    )

    token = commands.add_parser("token", help="a bearer token for scripts")
    token.set_defaults(run=_token)
    token.add_argument("--role", choices=ROLES, default="reader")
    token.add_argument("--establishment", metavar="NAME", help="whose images alone it opens")
    token.add_argument(
        "--user",
        type=values.user,
        metavar="NAME",
        help="whose it is: the same name is the same user (else: somebody new)",
    )


def _certificate(arguments: argparse.Namespace) -> int:
    from api.certificate import make
    from api.settings import read_settings

    made = make(read_settings().secrets / "tls", arguments.hosts)
    print(
        f"The certificate is good until {made.until:%Y-%m-%d}. Serve with it:\n\n"
        f"    SANSVERRE_TLS_CERTIFICATE={made.certificate}\n"
        f"    SANSVERRE_TLS_KEY={made.key}\n\n"
        f"Have each phone trust this file, which is no secret:\n\n    {made.authority}"
    )
    return 0


def _token(arguments: argparse.Namespace) -> int:
    from api.doors import Bounds, Doors
    from api.policies import Role
    from api.settings import read_settings, signing_key

    doors = Doors(signing_key(read_settings()))
    user: Bounds = {} if arguments.user is None else {"subject": arguments.user}
    print(doors.issue(Role[arguments.role.upper()], arguments.establishment, **user))
    return 0
