"""The process that asks modality worklists who is expected, each in its own time.

One that does not answer is asked again, sooner at first, and the page of the day says that it is
silent: what it said before stands meanwhile.

python -m api.expecting PARENT_PID
"""

import logging
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from api.settings import read_settings
from api.work import Workplace
from api.worker import Duty, run
from api.worklists import ModalityWorklist
from archive.dimse.calling import Called
from archive.dimse.scheduled import Asking, scheduled
from archive.errors import LinkDown, LinkRefused

LOG = logging.getLogger("sansverre.expecting")
FIRST_PAUSE_S = 15.0


@dataclass(slots=True)
class Turn:
    """A worklist, and when it is to be asked next; the pause grows while it is silent."""

    worklist: ModalityWorklist
    due: float = 0.0
    pause_s: float = field(default=FIRST_PAUSE_S)


def ask_once(place: Workplace, turns: list[Turn]) -> bool:
    """Ask the worklists whose time has come; False, as there is nothing more to do now."""
    for turn in turns:
        if time.monotonic() < turn.due:
            continue
        answers = ask(place, turn.worklist)
        each_s = turn.worklist.each_s
        turn.pause_s = FIRST_PAUSE_S if answers else min(each_s, 2 * turn.pause_s)
        turn.due = time.monotonic() + (each_s if answers else turn.pause_s)
    return False


def ask(place: Workplace, one: ModalityWorklist) -> bool:
    """Ask a worklist for its today and keep what it says; False where it does not answer."""
    day = place.catalog.cases.day
    today = datetime.now(ZoneInfo(one.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        called = Called(one.title, one.host, one.port, _encrypting(one))
        asking = Asking(one.issuer, one.modalities, one.zone)
        steps = scheduled(one.calling, called, today.date(), asking)
    except (LinkDown, LinkRefused, OSError) as error:
        LOG.warning("the worklist %s does not answer: %s", one.name, type(error).__name__)
        day.list_failed(one.establishment, one.name)
        return False
    tomorrow = (today + timedelta(days=1)).astimezone(UTC)
    day.take_list(one.establishment, one.name, (today.astimezone(UTC), tomorrow), steps)
    return True


def _encrypting(one: ModalityWorklist) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=one.authorities) if one.authorities else None


def main() -> None:
    """Ask, until told to stop."""
    turns = [Turn(one) for one in read_settings().worklists]
    run(Duty(LOG, lambda place: ask_once(place, turns), 1.0, lambda _: None, 86400.0))


if __name__ == "__main__":
    main()
