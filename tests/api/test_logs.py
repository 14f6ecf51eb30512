"""What processes write down names nobody."""

import subprocess
import sys

WARNED = """
from api.logs import to_stderr
to_stderr()
from pydicom.dataset import Dataset
Dataset().PatientBirthDate = "31/01/70"
"""


def test_what_libraries_warn_of_is_not_written_down() -> None:
    """pydicom quotes the value of a patient's header that it doubts."""
    told = subprocess.run(
        [sys.executable, "-c", WARNED], capture_output=True, text=True, check=True, timeout=600
    )
    assert told.stderr == ""
