"""The process that takes in what was sent: examines closed deposits, and sweeps abandoned ones.

python -m api.taker PARENT_PID
"""

import logging

from api.taking import sweep_uploads, take_once
from api.worker import Duty, run

TAKE = Duty(logging.getLogger("sansverre.taker"), take_once, 0.5, sweep_uploads, 3600.0)

if __name__ == "__main__":
    run(TAKE)
