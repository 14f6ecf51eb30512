"""What words of the command line stand for; each raises ArgumentTypeError for what is none."""

import argparse
import datetime
import re


def quality(text: str) -> int:
    """A JPEG's quality."""
    return _between(text, 1, 100)


def port(text: str) -> int:
    """A port, 0 for any."""
    return _between(text, 0, 65535)


def scene(text: str) -> int:
    """The number of a scene."""
    return _between(text, 1, 4096)


def instance_bytes(text: str) -> int:
    """The size that no DICOM instance may exceed; below it not even a header has room."""
    return _between(text, 100_000, 1 << 63)


def workers(text: str) -> int:
    """A number of processes."""
    return _between(text, 1, 256)


def helpers(text: str) -> int:
    """A number of processes, or none."""
    return _between(text, 0, 256)


def phototype(text: str) -> int:
    """A phototype of Fitzpatrick's."""
    return _between(text, 1, 6)


def positive(text: str) -> float:
    """A number above zero."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    # NaN fails the comparison.
    if not 0 < found <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero, such as 0.02")
    return found


def seconds(text: str) -> float:
    """A time that somebody is willing to wait."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    # NaN fails the comparison.
    if not 0.1 <= found <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, such as 10")
    return found


def mpp(text: str) -> tuple[float, float]:
    """The extent (x, y) of a pixel in micrometres; one number is both."""
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    # Beyond these no microscope goes; infinities and NaN fail the comparison.
    if len(parts) not in {1, 2} or not all(0.001 <= part <= 1000 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not a pixel's size in µm, such as 0.25")
    return parts[0], parts[-1]


def date(text: str) -> datetime.date:
    """A day written YYYYMMDD."""
    try:
        if len(text) != 8 or not (text.isascii() and text.isdigit()):
            raise ValueError
        return datetime.datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a birthday has no zone
    except ValueError as error:
        raise argparse.ArgumentTypeError("a date is written YYYYMMDD") from error


def _between(text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
    return int(text)


def user(text: str) -> str:
    """What a user is known by, which their token carries in the clear."""
    if not re.fullmatch(r"[0-9A-Za-z_.-]{1,64}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: up to 64 letters, digits, dots, dashes")
    return text
