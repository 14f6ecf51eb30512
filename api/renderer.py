"""Pixels that only a scanner's reader can give, from a child process that stays while it is asked.

A slide that has just arrived in a format without addressable tiles is seen through such a child:
one an image, with limits of memory and of time for each answer, gone when nobody asks any more.
One more waits with its libraries loaded, which takes longer than opening most slides does.
The parent treats what it says as a stranger's words, as `api.sandbox` does.

    parent --(JSON lines on stdin)--> child     what to open, then one question after another
    parent <--(on a pipe)-- child               for each: a JSON line, and as many bytes as it says
"""

import importlib
import json
import math
import os
import selectors
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn, cast

import numpy as np

from api.confinement import confine
from api.desk import desk
from api.errors import ChildCrashed, OutOfTime, Refused, SandboxError, TooBusy
from api.originals import laid_out
from api.sandbox import one_line, stay
from archive.record import Image
from archive.storage import Storage
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Pixels

Question = dict[str, Any]
Answer = Callable[..., bytes]

CHILDREN = 2
"""In each server process: every one holds a slide open, and may take up to its limit of memory."""
MEMORY_BYTES = 1 << 30
IDLE_S = 60.0
ANSWER_S = 20.0
FAILED_S = 10.0
"""For how long an image whose child failed is not tried again."""
_LINE_BYTES = 64 << 10
LIBRARIES = (
    *("cv2", "imagecodecs", "slides.mapping", "slides.formats.tiff"),
    *("slides.formats.openslide", "slides.formats.czi", "slides.formats.dicom"),
)
"""What drawing slides takes; DICOM's takes as long to load as all others."""


class Renderers:
    """The children of one process, the one not asked for longest leaving first. Thread-safe."""

    def __init__(self, storage: Storage, scratch: Path) -> None:
        self._storage, self._scratch_in = storage, scratch
        self._lock = threading.Lock()
        self._children: OrderedDict[str, _Child] = OrderedDict()
        self._failed: dict[str, float] = {}
        self._desk = ExitStack()
        self._scratch: Path | None = None
        self._waiting: _Waiting | None = None
        self._closed = False

    def prepare(self) -> None:
        """Have a child wait for the next image that is asked for, if none does."""
        with self._lock:
            if self._waiting is None and not self._closed:
                self._waiting = _Waiting(self._desk_of_mine())

    def ask(self, image: Image, question: Question, length: int) -> bytes:
        """As many bytes as are asked for, of an image's original; blocks until they are there.

        Raises SandboxError, TooBusy soon after a failure, and what laying out the original raises.
        """
        for last in (False, True):
            child = self._child(image)
            try:
                data = child.ask(question, length)
            except _Gone as error:
                # It may have left for idleness just now; a new one that leaves at once is at fault.
                self._drop(image.id, child, failed=last)
                if last:
                    raise ChildCrashed("reading it ended without an answer") from error
            except Refused:
                raise
            except SandboxError:
                self._drop(image.id, child, failed=True)
                raise
            else:
                self.prepare()
                return data
        raise AssertionError

    def close(self) -> None:
        """End all children."""
        with self._lock:
            self._closed = True
            children, self._children = list(self._children.values()), OrderedDict()
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.held.close()
        for child in children:
            child.close()
        self._desk.close()

    def _child(self, image: Image) -> "_Child":
        with self._lock:
            if time.monotonic() < self._failed.get(image.id, 0.0):
                raise TooBusy
            child = self._children.get(image.id)
            if child is None:
                child = _Child(self._start(image))
                self._children[image.id] = child
            self._children.move_to_end(image.id)
            leaving = []
            while len(self._children) > CHILDREN:
                leaving.append(self._children.popitem(last=False)[1])
        for one in leaving:
            one.close()
        return child

    def _start(self, image: Image) -> Callable[[ExitStack], "_Pipes"]:
        scratch = self._desk_of_mine()

        def start(held: ExitStack) -> _Pipes:
            original = held.enter_context(laid_out(image, self._storage, scratch))
            with self._lock:
                waiting, self._waiting = self._waiting, None
            if waiting is not None and waiting.pipes.process.poll() is not None:
                waiting.held.close()
                waiting = None
            waiting = waiting or _Waiting(scratch)
            held.enter_context(waiting.held)
            waiting.pipes.tell(_opening(original, image.facts))
            return waiting.pipes

        return start

    def _desk_of_mine(self) -> Path:
        if self._scratch is None:
            self._scratch_in.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._scratch = self._desk.enter_context(desk(self._scratch_in))
        return self._scratch

    def _drop(self, image_id: str, child: "_Child", *, failed: bool) -> None:
        with self._lock:
            now = time.monotonic()
            self._failed = {one: until for one, until in self._failed.items() if until > now}
            if failed:
                self._failed[image_id] = now + FAILED_S
            if self._children.get(image_id) is child:
                del self._children[image_id]
        child.close()


class RenderedImage:
    """An original as a TileSource, read by a child: on the grid of the pyramid it will become."""

    def __init__(self, image: Image, renderers: Renderers) -> None:
        self._image, self._renderers = image, renderers
        early = image.facts["early"]
        size = early["tile_size"]
        levels = tuple(Level(width, height, size, size) for width, height in early["levels"])
        self.pyramid = Pyramid(levels, early["samples"])

    def encoding(self, level: int) -> Encoding:
        """Opaque: only pixels come out of the child."""
        self.pyramid.level(level)
        return Encoding.OPAQUE

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box; raises OutsideImage, and what `Renderers.ask` raises."""
        grid = self.pyramid.level(level)
        if plane != FIRST or box.within(grid.width, grid.height) != box:
            raise OutsideImage(f"{box} of a level of {grid.width} × {grid.height}")
        shape = box.height, box.width, self.pyramid.samples
        question = {"level": level, "box": [box.x, box.y, box.width, box.height]}
        data = self._renderers.ask(self._image, question, math.prod(shape))
        return np.frombuffer(data, np.uint8).reshape(shape)

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> None:
        """There is none."""

    def close(self) -> None:
        """Nothing to release: the children belong to the process."""


class _Gone(Exception):
    """The child has left."""


class _Pipes:
    """Where a child is spoken to, and heard."""

    def __init__(self, process: "subprocess.Popen[bytes]", words: int) -> None:
        self.process, self._words = process, words
        self._heard = bytearray()

    def tell(self, told: Question) -> None:
        """Say a line; raises _Gone where nobody listens."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(told).encode() + b"\n")
        except (BrokenPipeError, ValueError) as error:
            raise _Gone from error

    def answer(self, length: int, until: float) -> bytes:
        """What answers the last question; raises Refused, OutOfTime, ChildCrashed, _Gone."""
        while b"\n" not in self._heard:
            if len(self._heard) > _LINE_BYTES:
                raise ChildCrashed("its answer is garbled")
            self._hear(until)
        line, _, self._heard = self._heard.partition(b"\n")
        try:
            word = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ChildCrashed("its answer is garbled") from error
        match word:
            case {"bytes": found} if found == length:
                while len(self._heard) < length:
                    self._hear(until)
                data, self._heard = bytes(self._heard[:length]), self._heard[length:]
                return data
            case {"refused": str(message), "name": str(name)}:
                raise Refused(one_line(message), one_line(name, 80))
        raise ChildCrashed("its answer is garbled")

    def _hear(self, until: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._words, selectors.EVENT_READ)
            if not selector.select(max(0.0, until - time.monotonic())):
                raise OutOfTime("reading it takes too long")
        data = os.read(self._words, 1 << 20)
        if not data:
            raise _Gone
        self._heard += data


class _Child:
    """One child, started at its first question, asked by one thread at a time."""

    def __init__(self, start: Callable[[ExitStack], _Pipes]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._held = ExitStack()
        self._pipes: _Pipes | None = None
        self._closed = False

    def ask(self, question: Question, length: int) -> bytes:
        with self._lock:
            if self._closed:
                raise _Gone
            if self._pipes is None:
                self._pipes = self._start(self._held)
            self._pipes.tell(question)
            return self._pipes.answer(length, time.monotonic() + ANSWER_S)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._held.close()


class _Waiting:
    """A child that was told nothing yet; `held` ends it."""

    def __init__(self, scratch: Path) -> None:
        with ExitStack() as held:
            folder = held.enter_context(TemporaryDirectory(prefix="waiting-", dir=scratch))
            self.pipes = _Pipes(*stay(held, "api.renderer", MEMORY_BYTES, folder, str(IDLE_S)))
            self.held = held.pop_all()


def _opening(original: Path, facts: Mapping[str, Any]) -> Question:
    arguments = {
        "path": str(original),
        "tile_size": facts["early"]["tile_size"],
        "scene": facts.get("scene"),
        "channels": facts.get("channels"),
    }
    return {"function": "api.tasks:pixels", "arguments": arguments}


def main() -> NoReturn:
    """The child: load, open what is named in the first line, then answer until nobody asks."""
    descriptor, parent_pid, memory_bytes = map(int, sys.argv[1:4])
    confine(parent_pid, memory_bytes)
    os.set_inheritable(descriptor, False)
    _load_until_asked(0)
    asked = questions(0, float(sys.argv[4]))
    opening = next(asked)
    try:
        answer: Answer = _function(opening["function"])(**opening["arguments"])
    except Exception as error:  # noqa: BLE001 - whatever a hostile file makes a parser raise
        answer = partial(_refuse, error)
    for question in asked:
        _answer(descriptor, answer, question)
    # Straight out: threads that libraries left behind must not hold it back.
    os._exit(0)


def _load_until_asked(descriptor: int) -> None:
    """Load what may be needed; who is asked meanwhile loads no more than it does need."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        for library in LIBRARIES:
            if selector.select(0):
                return
            importlib.import_module(library)


def _function(named: str) -> Callable[..., Any]:
    module, name = named.split(":")
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), name))


def _refuse(error: Exception, **_: object) -> NoReturn:
    raise error


def _answer(descriptor: int, answer: Answer, question: Question) -> None:
    word: dict[str, Any]
    try:
        data = answer(**question)
    except Exception as error:  # noqa: BLE001 - as above
        word, data = {"refused": "it cannot be read", "name": type(error).__name__}, b""
    else:
        word = {"bytes": len(data)}
    rest = memoryview(json.dumps(word).encode() + b"\n" + data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def questions(descriptor: int, idle_s: float) -> Iterator[Question]:
    """One JSON line after another, until there is no more or a while has passed without.

    For the first it waits as long as there is a parent.
    """
    pending = b""
    patience_s: float | None = None
    while True:
        line, found, pending_after = pending.partition(b"\n")
        if found:
            pending = pending_after
            yield json.loads(line)
            patience_s = idle_s
            continue
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            if not selector.select(patience_s):
                return
        data = os.read(descriptor, 1 << 16)
        if not data:
            return
        pending += data


if __name__ == "__main__":
    main()
