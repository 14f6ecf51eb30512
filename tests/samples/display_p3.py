"""Display P3, the colours of today's phones: a profile of our own, and what its numbers mean."""

from datetime import UTC, datetime
from struct import pack

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

P3_TO_XYZ = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
"""Primaries of SMPTE EG 432-1 with the white of D65, adapted to D50 by Bradford's way."""
SRGB_TO_XYZ = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
"""IEC 61966-2-1, adapted to D50 the same way."""
_WHITE = (0.96420, 1.0, 0.82491)
_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Both spaces have sRGB's curve (ICC.1:2022 10.18, function 3)."""


def display_p3() -> bytes:
    """An ICC profile of version 4 that says no more than it must."""
    curve = b"para" + pack(">IHH", 0, 3, 0) + b"".join(map(_fixed, _CURVE))
    tags = {
        b"desc": _text("Display P3"),
        b"cprt": _text("none"),
        b"wtpt": _xyz(_WHITE),
        **{name: _xyz(P3_TO_XYZ[:, n]) for n, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = b"", b""
    at = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    when = datetime(2020, 1, 1, tzinfo=UTC)
    head = pack(">I4sI", at + len(body), b"none", 0x04300000) + b"mntrRGB XYZ "
    head += pack(">6H", *when.timetuple()[:6]) + b"acsp" + bytes(28)
    head += b"".join(map(_fixed, _WHITE))
    return head + bytes(128 - len(head)) + pack(">I", len(tags)) + table + body


def p3_to_srgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Display P3 as sRGB by the definitions of both, what sRGB has not being cut off."""
    linear = _linear(pixels.astype(float) / 255)
    shown = linear @ (np.linalg.inv(SRGB_TO_XYZ) @ P3_TO_XYZ).T
    shown = np.clip(shown, 0, 1)
    coded = np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * coded), np.uint8)


def _linear(coded: Array) -> Array:
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def _fixed(number: float) -> bytes:
    return pack(">i", round(number * 65536))


def _xyz(values: object) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, np.asarray(values, float).tolist()))


def _text(said: str) -> bytes:
    data = said.encode("utf-16-be")
    return b"mluc" + pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(data), 28) + data
