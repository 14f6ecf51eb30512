"""The process: `sansverre dimse`, or one that `serve` keeps.

python -m api.dimse.process PARENT_PID
"""

import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from contextlib import closing

from api.confinement import die_with, hide
from api.desk import desk
from api.dimse.committing import answering
from api.dimse.server import listening
from api.dimse.site import LOG, Site
from api.dimse.table import read_table
from api.errors import ApiError, BadSettings
from api.instances.acceptance import Acceptance
from api.logs import to_stderr
from api.settings import Settings, data_folder, read_settings
from archive.catalog import Catalog
from archive.storage import Storage


def run(settings: Settings, announce: Callable[[str, int], None]) -> None:
    """Answer our peers until SIGINT or SIGTERM; raises BadSettings, CannotServe, StorageFailure."""
    if settings.dimse is None:
        raise BadSettings(
            "SANSVERRE_DIMSE names no table of who may call: see the documentation of DIMSE"
        )
    table = read_table(settings.dimse)
    # Texts of pydicom's warnings hold values.
    warnings.simplefilter("ignore")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    scratch = data_folder(settings) / "scratch"
    scratch.mkdir(mode=0o700, exist_ok=True)
    with desk(scratch) as own, Catalog.open(settings.database_url) as catalog:
        # Where pynetdicom writes what it receives: gone with this process, however it ends.
        tempfile.tempdir = str(own)
        storage = Storage.open(settings.objects_url)
        acceptance = Acceptance(catalog, storage, own)
        site = Site(table, catalog, storage, own, settings.uploads.headroom_bytes, acceptance)
        with closing(acceptance), answering(site), listening(site) as port:
            announce(table.host, port)
            stop.wait()


def main() -> int:
    """A process of the supervisor's."""
    die_with(int(sys.argv[1]))
    hide()
    to_stderr()
    try:
        run(read_settings(), lambda host, port: LOG.info("DICOM peers call at %s:%s", host, port))
    except ApiError as error:
        LOG.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
