"""libjpeg's own program, which turns a JPEG without decoding it."""

import subprocess

_TURNS = {
    1: [],
    2: ["-flip", "horizontal"],
    3: ["-rotate", "180"],
    4: ["-flip", "vertical"],
    5: ["-transpose"],
    6: ["-rotate", "90"],
    7: ["-transverse"],
    8: ["-rotate", "270"],
}


def turned(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG made upright, by what EXIF says of it; fails where that loses anything."""
    command = ["jpegtran", "-copy", "none", "-perfect", *_TURNS[orientation]]
    return subprocess.run(command, input=jpeg, capture_output=True, check=True).stdout
