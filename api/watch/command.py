"""The command `sansverre watch`: its words, and the process that watches until told to stop."""

import argparse
import hashlib
import logging
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_NB
from pathlib import Path
from typing import TYPE_CHECKING

from api import values
from api.errors import BadSettings, NotTaken
from api.establishment import ESTABLISHMENT

if TYPE_CHECKING:
    from api.settings import Settings
    from api.watch.watcher import Watched, Watcher

LOG = logging.getLogger("sansverre.watch")

SETTLED_S = 10.0
SCAN_EACH_S = 15.0
"""Without an event, as network shares send none."""
LONGEST_PAUSE_S = 300.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the parser."""
    watch = commands.add_parser("watch", help="take in what arrives in a folder")
    watch.set_defaults(run=_watch)
    watch.add_argument("folder", metavar="FOLDER")
    watch.add_argument("--establishment", metavar="NAME", default=ESTABLISHMENT)
    watch.add_argument(
        "--settled-s",
        type=values.seconds,
        default=SETTLED_S,
        metavar="N",
        help=f"a file is complete when nothing changed for so long (default {SETTLED_S:.0f})",
    )
    watch.add_argument("--once", action="store_true", help="take what is complete, and end")
    ends = watch.add_mutually_exclusive_group()
    ends.add_argument("--done", metavar="FOLDER", help="where files go that are published")
    ends.add_argument("--remove", action="store_true", help="remove files that are published")
    watch.add_argument(
        "--label-is-accession",
        action="store_true",
        help="a slide without a sidecar has its label's barcode as accession number",
    )
    watch.add_argument(
        "--wait-for-order", action="store_true", help="leave files whose order nobody told"
    )
    watch.add_argument(
        "--mpp", type=values.mpp, metavar="X[,Y]", help="µm per pixel, where the file says nothing"
    )
    watch.add_argument(
        "--verify", action="store_true", help="read slides again out of the store, and prove them"
    )
    watch.add_argument(
        "--workers",
        type=values.helpers,
        default=1,
        metavar="N",
        help="processes that build what is taken; 0 where `serve` runs (default 1)",
    )


def _watch(arguments: argparse.Namespace) -> int:
    from api.logs import to_stderr
    from api.settings import read_settings

    to_stderr()
    settings = read_settings()
    watched = _watched(arguments, settings)
    stopping = threading.Event()
    _stop_when_told(stopping)
    with _alone(settings, watched.folder, stopping, once=arguments.once):
        return _keep_watching(settings, watched, stopping, arguments.workers, once=arguments.once)


def _watched(arguments: argparse.Namespace, settings: "Settings") -> "Watched":
    from api.watch.taking import Wish
    from api.watch.watcher import Watched

    folder = Path(arguments.folder).resolve()
    if not folder.is_dir():
        raise BadSettings(f"{arguments.folder}: there is no such folder to watch; make it first")
    if settings.data == folder or folder in settings.data.parents:
        raise BadSettings(
            f"{arguments.folder} holds SANSVERRE_DATA ({settings.data}), whose files would be "
            "taken in again: watch another folder"
        )
    done = Path(arguments.done).resolve() if arguments.done else None
    if done is not None:
        if done == folder or done in folder.parents:
            raise BadSettings("--done names the watched folder or one around it: name another")
        done.mkdir(parents=True, exist_ok=True)
    return Watched(
        folder,
        Wish(
            establishment=arguments.establishment,
            label_is_accession=arguments.label_is_accession,
            wait_for_order=arguments.wait_for_order,
            mpp_um=arguments.mpp,
            verify=arguments.verify,
        ),
        arguments.settled_s,
        "move" if done is not None else "remove" if arguments.remove else "leave",
        done,
    )


def _stop_when_told(stopping: threading.Event) -> None:
    def end(number: int, _: object) -> None:
        # What is under way is left where it is: the next watch goes on from there.
        if stopping.is_set():
            return
        stopping.set()
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


@contextmanager
def _alone(
    settings: "Settings", folder: Path, stopping: threading.Event, *, once: bool
) -> Iterator[None]:
    """Be the one watch of a folder; wait while another is, or with `once` raise BadSettings."""
    from api.desk import locked
    from api.settings import data_folder

    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    turn = data_folder(settings) / "watching" / name
    turn.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as held:
        told = False
        while True:
            try:
                held.enter_context(locked(turn, LOCK_NB))
                break
            except BlockingIOError as error:
                if once:
                    raise BadSettings("another watch has this folder, and takes it in") from error
            if not told:
                LOG.info("another watch has this folder; this one follows when that ends")
                told = True
            stopping.wait(1.0)
        yield


def _keep_watching(
    settings: "Settings", watched: "Watched", stopping: threading.Event, workers: int, *, once: bool
) -> int:
    """Watch until told to stop, through whatever passes; gives the exit code."""
    from api.serve import Post, Supervisor, worker_process
    from api.watch.writers import prepare

    prepare()
    environment = dict(os.environ)
    supervisor = Supervisor([Post(lambda: worker_process(environment)) for _ in range(workers)])
    building = threading.Thread(target=supervisor.run, daemon=True)
    building.start()
    try:
        return _through_trouble(settings, watched, stopping, once=once)
    finally:
        supervisor.stopping.set()
        building.join()


def _through_trouble(
    settings: "Settings", watched: "Watched", stopping: threading.Event, *, once: bool
) -> int:
    from api.watch.memory import open_memory
    from api.watch.watcher import Watcher
    from api.work import open_workplace
    from archive.errors import ArchiveError

    scope = f"{watched.wish.establishment}\n".encode() + os.fsencode(watched.folder)
    pause_s = watched.settled_s
    with _events(watched.folder) as wake:
        while True:
            began = time.monotonic()
            try:
                with (
                    open_memory(settings.data / "watched.sqlite", scope) as memory,
                    open_workplace(settings) as place,
                ):
                    watcher = Watcher(place, watched, memory)
                    watcher.begin()
                    return _look_again_and_again(watcher, watched, stopping, wake, once=once)
            except (ArchiveError, sqlite3.Error, OSError) as error:
                if once:
                    raise NotTaken(_told(error)) from error
                if time.monotonic() - began > LONGEST_PAUSE_S:
                    pause_s = watched.settled_s
                LOG.warning("%s; looked again in %.0f s", _told(error), pause_s)
            stopping.wait(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


def _look_again_and_again(
    watcher: "Watcher",
    watched: "Watched",
    stopping: threading.Event,
    wake: threading.Event,
    *,
    once: bool,
) -> int:
    from api.watch.memory import Stage

    shortest_s = max(0.2, min(1.0, watched.settled_s / 4))
    began = time.monotonic()
    while True:
        wake.clear()
        looked = time.monotonic()
        is_more = watcher.look(stopping)
        counts = watcher.counts()
        building = counts[Stage.KEPT] + counts[Stage.PUBLISHED]
        if is_more:
            continue
        if once and not building and looked - began >= watched.settled_s:
            failed = counts[Stage.REFUSED] + counts[Stage.PUT_OFF]
            LOG.info("%s of the files there were not taken", failed)
            return 1 if failed else 0
        if once or building or watcher.is_restless():
            stopping.wait(shortest_s)
        else:
            wake.wait(SCAN_EACH_S)
            stopping.wait(shortest_s / 4)


@contextmanager
def _events(folder: Path) -> Iterator[threading.Event]:
    """An event that is set when something happens in the folder, where the system tells of it."""
    from watchdog import events
    from watchdog.observers import Observer

    wake = threading.Event()

    class Waking(events.FileSystemEventHandler):
        def on_any_event(self, event: events.FileSystemEvent) -> None:
            del event
            wake.set()

    changes = [
        *(events.FileCreatedEvent, events.FileModifiedEvent, events.FileMovedEvent),
        *(events.FileClosedEvent, events.FileDeletedEvent, events.DirMovedEvent),
        events.DirCreatedEvent,
    ]
    observer = Observer()
    try:
        observer.schedule(Waking(), str(folder), recursive=True, event_filter=changes)
        observer.start()
    except OSError as error:
        told = error.strerror
        LOG.warning("nobody tells of changes (%s): looked each %.0f s", told, SCAN_EACH_S)
        yield wake
        return
    try:
        yield wake
    finally:
        observer.stop()
        observer.join()


def _told(error: Exception) -> str:
    """An error without what a path would tell."""
    from archive.errors import ArchiveError

    if isinstance(error, ArchiveError):
        return str(error)
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
