"""The command `sansverre rule`: what an establishment lets go of covered pictures."""

import argparse

from api.establishment import ESTABLISHMENT

COVERED = ("never", "consent", "always")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the parser."""
    rule = commands.add_parser("rule", help="what an establishment lets leave")
    rule.set_defaults(run=_rule)
    rule.add_argument("--establishment", metavar="NAME", default=ESTABLISHMENT)
    rule.add_argument(
        "--covered",
        choices=COVERED,
        required=True,
        help="intimate pictures, and those by which somebody may be known: never (until this is "
        "set), where consent to the purpose is recorded, or always",
    )


def _rule(arguments: argparse.Namespace) -> int:
    from api.ingest import told_to_people
    from api.settings import read_settings
    from api.work import open_workplace
    from archive.leaving import CoveredLeave

    with open_workplace(read_settings()) as place, told_to_people():
        place.catalog.covers.set_rule(arguments.establishment, CoveredLeave(arguments.covered))
    return 0
