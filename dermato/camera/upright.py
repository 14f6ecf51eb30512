"""Stand a picture upright, from the way that its camera held it. Source: EXIF 2.32, tag 274."""

from collections.abc import Callable

import numpy as np

from tiles.source import Pixels

# Arrays are (rows, columns, samples).
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: lambda p: np.rot90(p, 1),
}


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """The pixels turned from an EXIF orientation; 1 leaves them as they are."""
    turn = _TURNS.get(orientation)
    return np.ascontiguousarray(turn(pixels)) if turn else pixels
