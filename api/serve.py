"""The supervisor: server processes on one socket and workers, each replaced when it dies.

The listening socket belongs to the supervisor, so that requests wait in its queue, and are not
refused, while a process is replaced. Children end with it, however it ends.
"""

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from api.desk import desk
from api.dimse.table import read_table
from api.doors import TOKEN_S
from api.errors import CannotServe
from api.settings import Settings, data_folder, signing_key
from api.tls import require_usable, towards_ourselves
from archive.catalog import Catalog

BACKLOG = 2048
SUBJECT = "installation"
"""Who opens the printed link: one user, whichever start of the server has printed it."""
WORKERS = ("api.worker", "api.taker")
"""What builds, and what takes in: a slide that arrives does not wait while another is built."""
TELLING = "api.teller"
"""What tells archives, where any is configured: who does not answer keeps only it waiting."""
DIMSE = "api.dimse.process"
"""What answers DICOM's own protocol, where a table says who may call."""
EXPECTING = "api.expecting"
"""What asks modality worklists who is expected, where a table names any."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
HEALTHY_S = 30.0
READY_S = 60.0
STOP_S = 10.0
POLL_S = 0.1


@dataclass(slots=True)
class Post:
    """A place that a child process fills; the pause before the next one grows while they die."""

    start: Callable[[], subprocess.Popen[bytes]]
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    pause_s: float = FIRST_PAUSE_S

    def tend(self, now: float) -> None:
        """Fill the post if it is empty and it is time."""
        if self.child is not None:
            if self.child.poll() is None:
                return
            if now - self.started > HEALTHY_S:
                self.pause_s = FIRST_PAUSE_S
            _say(f"a process ended ({self.child.returncode}); another starts")
            self.child, self.due = None, now + self.pause_s
            self.pause_s = min(LONGEST_PAUSE_S, 2 * self.pause_s)
        if now >= self.due:
            self.child, self.started = self.start(), now


@dataclass(slots=True)
class Supervisor:
    """All posts, until told to stop."""

    posts: list[Post]
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Keep the posts filled; then stop the children, kindly first."""
        try:
            while not self.stopping.is_set():
                now = time.monotonic()
                for post in self.posts:
                    post.tend(now)
                self.stopping.wait(POLL_S)
        finally:
            self._stop()

    def _stop(self) -> None:
        children = [post.child for post in self.posts if post.child is not None]
        for child in children:
            child.terminate()
        until = time.monotonic() + STOP_S
        for child in children:
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def serve(settings: Settings, host: str, port: int, workers: int) -> int:
    """Serve until SIGINT or SIGTERM; gives the exit code. Raises CannotServe, BadSettings."""
    if settings.tls is not None:
        require_usable(settings.tls)
    if settings.dimse is not None:
        # Said here, and not by a process that begins again and again.
        read_table(settings.dimse)
    listening = listen(host, port)
    address, bound = listening.getsockname()[:2]
    scheme = "https" if settings.tls else "http"
    local = f"{scheme}://[{address}]:{bound}" if ":" in address else f"{scheme}://{address}:{bound}"
    # Made before there are several to make them.
    scratch = data_folder(settings) / "scratch"
    scratch.mkdir(mode=0o700, exist_ok=True)
    signing_key(settings)
    with (
        listening,
        desk(scratch) as metrics,
        Catalog.open(settings.database_url) as catalog,
    ):
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        posts = [Post(lambda: _server(listening, environment)) for _ in range(workers)]
        names = [
            *WORKERS,
            *([TELLING] if settings.archives else []),
            *([DIMSE] if settings.dimse else []),
            *([EXPECTING] if settings.worklists else []),
        ]
        posts.extend(Post(partial(worker_process, environment, name)) for name in names)
        supervisor = Supervisor(posts)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: supervisor.stopping.set())
        announcing = threading.Thread(
            target=_announce, args=(catalog, local, settings, supervisor), daemon=True
        )
        announcing.start()
        supervisor.run()
        announcing.join(STOP_S)
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on the loopback; raises CannotServe for any other address."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CannotServe(f"{host}: there is no such address") from error
    family, kind, protocol, _, address = found[0]
    if not all(ipaddress.ip_address(one[4][0]).is_loopback for one in found):
        raise CannotServe(
            f"{host} can be reached from other machines, and this version has no doors for them "
            "yet: serve on 127.0.0.1, and put a proxy that signs people in before it"
        )
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise CannotServe(
            f"{host}:{port} cannot be served from ({error.strerror}): choose another --port"
        ) from error
    return listening


def _server(listening: socket.socket, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    descriptor = listening.fileno()
    command = [sys.executable, "-m", "api.app", str(descriptor), str(os.getpid())]
    return _start(command, environment, (descriptor,))


def worker_process(
    environment: dict[str, str], module: str = "api.worker"
) -> subprocess.Popen[bytes]:
    """Start a process that does the archive's work, and ends with this one."""
    return _start([sys.executable, "-m", module, str(os.getpid())], environment, ())


def _start(
    command: list[str], environment: dict[str, str], descriptors: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    # A group of its own: an interrupt at the terminal reaches the supervisor, which stops them.
    return subprocess.Popen(  # noqa: S603 - our own interpreter and modules
        command, env=environment, pass_fds=descriptors, stdin=subprocess.DEVNULL, process_group=0
    )


def _announce(catalog: Catalog, local: str, settings: Settings, supervisor: Supervisor) -> None:
    """Print the one-time link once requests are answered."""
    asking = _asking(settings)
    until = time.monotonic() + READY_S
    while not _is_ready(asking, local):
        if supervisor.stopping.wait(POLL_S):
            return
        if time.monotonic() > until:
            _say(f"nothing answers at {local} after {READY_S:.0f} s; see the messages above")
            until = float("inf")
    expires = datetime.now(UTC) + timedelta(seconds=TOKEN_S)
    claims = {"role": "operator", "establishment": None, "subject": SUBJECT}
    key = catalog.issue_key(claims, expires)
    sys.stdout.write(
        "Sans Verre: open this link, once, within 12 hours\n\n"
        f"    {settings.public_url or local}/enter?key={key}\n\n"
    )
    sys.stdout.flush()


def _asking(settings: Settings) -> urllib.request.OpenerDirector:
    # A proxy that the environment names does not reach this machine's loopback.
    direct = urllib.request.ProxyHandler({})
    if settings.tls is None:
        return urllib.request.build_opener(direct)
    trusting = urllib.request.HTTPSHandler(context=towards_ourselves(settings.tls))
    return urllib.request.build_opener(direct, trusting)


def _is_ready(asking: urllib.request.OpenerDirector, local: str) -> bool:
    try:
        with asking.open(f"{local}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _say(text: str) -> None:
    sys.stderr.write(f"sansverre: {text}\n")
    sys.stderr.flush()
