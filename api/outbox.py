"""The command `sansverre outbox`: what the radiology archive knows, lacks, and waits for."""

import argparse
import json

from api.errors import BadSettings
from api.settings import REMOTE


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the parser."""
    outbox = commands.add_parser("outbox", help="what the radiology archive was told, and lacks")
    outbox.set_defaults(run=_outbox)
    outbox.add_argument(
        "--missing",
        action="store_true",
        help="have it told of photographs that were published before it was configured",
    )
    outbox.add_argument(
        "--each-s",
        type=float,
        metavar="N",
        default=1.0,
        help="seconds from one of them to the next, so that new ones need not wait (1)",
    )
    outbox.add_argument(
        "--again",
        action="store_true",
        help="have tasks that somebody has seen to looked at once more",
    )
    outbox.add_argument("--json", action="store_true", help="for machines")


def _outbox(arguments: argparse.Namespace) -> int:
    from api.ingest import told_to_people
    from api.settings import read_settings
    from api.work import open_workplace

    settings = read_settings()
    if settings.archive is None:
        raise BadSettings("no radiology archive is configured: set SANSVERRE_ARCHIVE_URL")
    if not 0 <= arguments.each_s <= 3600:
        raise BadSettings("--each-s is from 0 to 3600 seconds")
    here = settings.archive.establishment
    told: dict[str, int] = {}
    with open_workplace(settings) as place, told_to_people():
        backlog = place.catalog.backlog
        if arguments.missing:
            told["put_in"] = backlog.put_in(here, REMOTE, arguments.each_s)
        if arguments.again:
            told["asked_again"] = backlog.ask_again(here, REMOTE)
        told["lacking"] = backlog.lacking(here, REMOTE)
        told |= {state.value: number for state, number in backlog.counts(here, REMOTE).items()}
    if arguments.json:
        print(json.dumps(told))
    else:
        for name, number in told.items():
            print(f"{name.replace('_', ' '):12} {number}")
    return 0
