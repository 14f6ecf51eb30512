"""The command `sansverre outbox`: what the radiology archive knows, lacks, and waits for."""

import argparse
import json
from typing import TYPE_CHECKING

from api.errors import BadSettings
from api.told import printable
from archive.telling.rules import Takes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.archives import RadiologyArchive
    from archive.backlog import Backlog
    from archive.record import OutboxState


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
        help="have tasks that somebody has seen to, and what was dropped, looked at once more",
    )
    outbox.add_argument("--archive", metavar="NAME", help="this one alone (all that are known)")
    outbox.add_argument("--json", action="store_true", help="for machines")


def _outbox(arguments: argparse.Namespace) -> int:
    from api.ingest import told_to_people
    from api.settings import read_settings
    from api.work import open_workplace

    settings = read_settings()
    archives = [one for one in settings.archives if arguments.archive in {None, one.name}]
    stated = {(one.establishment, one.name) for one in settings.archives}
    if not 0 <= arguments.each_s <= 3600:
        raise BadSettings("--each-s is from 0 to 3600 seconds")
    with open_workplace(settings) as place, told_to_people():
        told = {one.name: _told_of(place.catalog.backlog, one, arguments) for one in archives}
        for gone in place.catalog.backlog.removed(stated, establishment=None):
            if arguments.archive in {None, gone.name}:
                # Another establishment's may be called the same.
                name = f"{gone.name} ({gone.establishment})" if gone.name in told else gone.name
                told[name] = {"removed": 1, **_in_states(gone.counts)}
    if not told:
        raise BadSettings(
            "no such radiology archive is configured: set SANSVERRE_ARCHIVE_URL or "
            "SANSVERRE_ARCHIVES"
        )
    if arguments.json:
        # One archive is told of as it always was.
        print(json.dumps(next(iter(told.values())) if len(told) == 1 else told))
        return 0
    for archive, numbers in told.items():
        if len(told) > 1:
            print(printable(archive))
        if numbers.pop("removed", 0):
            print("not in the table: nothing is sent, and what waits is kept")
        for name, number in numbers.items():
            print(f"{name.replace('_', ' '):12} {number}")
    return 0


def _told_of(
    backlog: "Backlog", one: "RadiologyArchive", arguments: argparse.Namespace
) -> dict[str, int]:
    told: dict[str, int] = {}
    here = one.establishment
    gets = Takes.PHOTOGRAPHS in one.takes
    if arguments.missing:
        told["put_in"] = backlog.put_in(here, one.name, arguments.each_s) if gets else 0
    if arguments.again:
        told["asked_again"] = backlog.ask_again(here, one.name)
    told["lacking"] = backlog.lacking(here, one.name) if gets else 0
    told["dropped"] = backlog.dropped(here, one.name)
    return told | _in_states(backlog.counts(here, one.name))


def _in_states(counts: "Mapping[OutboxState, int]") -> dict[str, int]:
    return {state.value: number for state, number in counts.items()}
