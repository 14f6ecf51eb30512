"""Answers of an archive that are of no shape the standard has: it is tried again, nothing more."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest

from archive import dicomweb_link
from archive.dicomweb_link import DicomWebLink
from archive.errors import LinkDown, LinkRefused
from archive.link import Instance, Named

NAMED = Named("1.2", "1.3", "1.4")
LONG = 100_000
STORED, FAILED = "00081199", "00081198"


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing is written."""


@contextmanager
def answering(answer: Any, status: int = 200) -> Iterator[str]:
    """A server that answers everything with that JSON, or with those bytes."""

    class Handler(Quiet):
        def _tell(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _tell  # noqa: N815 - as the library calls them

    with serving(Handler) as url:
        yield url


@contextmanager
def serving(handler: type[Quiet]) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def store(link: DicomWebLink) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "sent.dcm")
        file.write_bytes(b"x")
        link.store(Instance(NAMED, file))


def fetch(link: DicomWebLink) -> None:
    with TemporaryDirectory() as folder:
        link.fetch(NAMED, "1.5", Path(folder, "back.dcm"), 64)


@pytest.mark.parametrize(
    ("answer", "ask"),
    [
        ([], fetch),
        ({STORED: []}, store),
        ({STORED: {"Value": None}}, store),
        ({STORED: {"Value": ["x"]}}, store),
        (
            {FAILED: {"Value": [{"00081155": {"Value": ["1.4"]}, "00081197": {"Value": ["x"]}}]}},
            store,
        ),
        (["x"], lambda link: link.shown(NAMED)),
        ([{"00100020": {"Value": {"a": 1}}}], lambda link: link.shown(NAMED)),
        (["x"], lambda link: link.remove(NAMED)),
        ([{"Type": "Instance"}], lambda link: link.remove(NAMED)),
        ([{"Type": "Instance", "ID": 1}], lambda link: link.remove(NAMED)),
        (b"[" * 100_000, lambda link: link.shown(NAMED)),
    ],
)
def test_an_answer_of_another_shape_is_none(
    answer: Any, ask: Callable[[DicomWebLink], object]
) -> None:
    with answering(answer) as url, DicomWebLink(url, url) as link, pytest.raises(LinkDown):
        ask(link)


def test_a_connection_that_an_archive_ends_as_it_is_asked_again_is_not_a_silent_archive() -> None:
    """As each does that is idle for longer than the archive keeps them: in some, a second."""

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()
            # Something is asked, or the connection ends.
            self.rfile.read(1)
            self.close_connection = True

    with serving(Handler) as url, DicomWebLink(url) as link:
        assert [link.shown(NAMED) for _ in range(2)] == [None, None]


def test_more_than_the_instance_can_be_is_not_taken() -> None:
    with answering("x" * 64) as url, DicomWebLink(url) as link, pytest.raises(LinkRefused):
        fetch(link)


def test_what_is_read_of_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No question is answered by that much, whatever it says."""
    with answering(b"[]" + b" " * LONG) as url, DicomWebLink(url) as link:
        assert link.shown(NAMED) is None
        monkeypatch.setattr(dicomweb_link, "MOST_TOLD_BYTES", LONG)
        with pytest.raises(LinkDown):
            link.shown(NAMED)


@pytest.mark.parametrize(
    ("status", "raised"),
    [(400, LinkDown), (409, LinkRefused), (413, LinkRefused), (415, LinkRefused), (507, LinkDown)],
)
@pytest.mark.parametrize("said", [b"", b"{}"])
def test_a_status_that_says_no_by_itself_is_a_refusal(
    status: int, raised: type[Exception], said: bytes
) -> None:
    """A proxy that takes no more than a megabyte knows nothing of DICOM."""
    with answering(said, status) as url, DicomWebLink(url) as link, pytest.raises(raised):
        store(link)
