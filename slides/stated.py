"""What scanners state in words: moments, numbers, pairs of numbers."""

import binascii
from base64 import b64decode
from datetime import datetime
from re import fullmatch


def moment(text: str | None) -> datetime | None:
    """A date and time, year first, to the second; None for anything else."""
    parts = fullmatch(
        r"(\d{4})[-:/]?(\d\d)[-:/]?(\d\d)[ T]?(\d\d):?(\d\d):?(\d\d)(?:\.\d+)?(Z?)", text or ""
    )
    if not parts:
        return None
    *numbers, zone = parts.groups()
    stated = "-".join(numbers[:3]) + "T" + ":".join(numbers[3:]) + ("+00:00" if zone else "")
    try:
        return datetime.fromisoformat(stated)
    except ValueError:
        # A scanner whose clock was never set.
        return None


def positive(text: str | None) -> float | None:
    """A decimal number above zero, with a comma where a scanner is set to; None for all else."""
    number = fullmatch(r"\d*\.?\d+(e[+-]?\d+)?", (text or "").strip().replace(",", ".").lower())
    return float(number[0]) or None if number else None


def decoded_text(text: str) -> str:
    """A text that is kept in base64; one that is not is given back as it is."""
    try:
        return b64decode(text, validate=True).decode().strip()
    except (binascii.Error, ValueError):
        # Older scanners keep the text itself.
        return text.strip()
