"""What the channels of a slide are called and in which colour they are shown."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from slides.slide import Channel, Facts
from tiles import composite
from tiles.composite import is_measured, windows
from tiles.instance import StoredImage, read_index

WHITE = (255, 255, 255)
PALETTE = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 0), (255, 0, 255), (0, 255, 255))
"""Of channels that say nothing of their light: blue is DAPI's, which mostly comes first."""
COLOURS = (
    (480.0, (0, 0, 255)),
    (500.0, (0, 255, 255)),
    (560.0, (0, 255, 0)),
    (590.0, (255, 255, 0)),
    (620.0, (255, 128, 0)),
    (680.0, (255, 0, 0)),
)
"""The colour of light below a wavelength in nm; beyond, where eyes see none, magenta is usual."""
FAR_RED = (255, 0, 255)
STOKES_NM = 50.0
"""By about how much a dye's light is longer than what excites it."""


def channels_of(instances: Sequence[Path], facts: Facts) -> tuple[composite.Channel, ...]:
    """How the channels of written levels are shown; none of what is a picture as it is."""
    with stored_image(instances) as image:
        if not is_measured(image.pyramid):
            return ()
        return shown(facts.channels, windows(image.pixels, image.pyramid))


@contextmanager
def stored_image(instances: Sequence[Path]) -> Iterator[StoredImage]:
    """The levels just written, to be read again."""
    with ExitStack() as stack:
        opened = []
        for path in instances:
            file = stack.enter_context(path.open("rb"))
            read = partial(_pread, file.fileno())
            opened.append((read_index(read, path.stat().st_size), read))
        yield StoredImage(opened)


def _pread(file: int, offset: int, length: int) -> bytes:
    return os.pread(file, length, offset)


def shown(
    channels: Sequence[Channel], ranges: Sequence[tuple[int, int]]
) -> tuple[composite.Channel, ...]:
    """Each optical path with its name, colour and window."""
    described = [*channels, *(Channel() for _ in ranges)][: len(ranges)]
    return tuple(
        composite.Channel(
            channel.name or str(number + 1), _colour(channel, number, len(ranges)), low, high
        )
        for number, (channel, (low, high)) in enumerate(zip(described, ranges, strict=True))
    )


def _colour(channel: Channel, number: int, count: int) -> tuple[int, int, int]:
    if channel.colour is not None and any(channel.colour):
        return channel.colour
    light_nm = channel.emission_nm
    if light_nm is None and channel.excitation_nm is not None:
        light_nm = channel.excitation_nm + STOKES_NM
    if light_nm is not None and (channel.fluorescent or count > 1):
        return next((colour for longest, colour in COLOURS if light_nm < longest), FAR_RED)
    return WHITE if count == 1 else PALETTE[number % len(PALETTE)]
