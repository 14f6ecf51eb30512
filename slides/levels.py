"""Which pictures are levels of one pyramid."""

from math import inf


def same_view(width: int, height: int, reduced_width: int, reduced_height: int) -> bool:
    """Whether one factor, each extent rounded up or down, turns the first size into the second."""
    if reduced_width > width or reduced_height > height:
        return False
    least = max(width / (reduced_width + 1), height / (reduced_height + 1))
    return least <= min(_most(width, reduced_width), _most(height, reduced_height))


def _most(extent: int, reduced: int) -> float:
    """The largest factor that leaves this much; any factor may leave the last pixel."""
    return extent / (reduced - 1) if reduced > 1 else inf
