"""The process that takes in what was sent: examines closed deposits, and sweeps abandoned ones.

It also links slides to their orders, moves images to other patients, looks at photographs and makes
those of sessions, and asks radiology archives what was done before an order came: none of it waits
while a slide is built, or an archive is told.

python -m api.taker PARENT_PID
"""

import logging

from api.moving import move_once
from api.priors import Looking
from api.reporting import Reporting
from api.taking import sweep_uploads, take_once
from api.work import Workplace, look_once
from api.worker import Duty, run

_reporting, _looking = Reporting(), Looking()


def _once(place: Workplace) -> bool:
    # A wrong patient is not left waiting behind what was sent.
    linked = place.catalog.cases.settle_some()
    filed = place.catalog.reports.settle_some()
    done = [linked, filed, move_once(place), take_once(place), look_once(place)]
    return any([*done, _looking.some(place), _reporting.some(place)])


def _sweep(place: Workplace) -> None:
    sweep_uploads(place)
    place.catalog.cases.look_again()
    place.catalog.reports.settle()


TAKE = Duty(logging.getLogger("sansverre.taker"), _once, 0.5, _sweep, 3600.0)

if __name__ == "__main__":
    run(TAKE)
