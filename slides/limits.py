"""What is too large to be read, whatever a file promises."""

from slides.errors import DamagedSlide, TooLarge

MOST_EXTENT = 2**31
MOST_SEGMENT_BYTES = 256 * 2**20
"""The most that one tile or strip may decode to."""

# Real slides are compressed ten to a few hundred times; a file that promises gigapixels at a
# thousand times its own size is blank at best and a decompression bomb at worst.
SUSPECT_PIXELS = 2**30
SUSPECT_RATIO = 1000


def check_extent(width: int, height: int) -> None:
    """Refuse extents that no scanner makes; raises DamagedSlide or TooLarge."""
    if width < 1 or height < 1:
        raise DamagedSlide("the picture has no pixels: its header is damaged; fetch the file again")
    if max(width, height) >= MOST_EXTENT:
        raise TooLarge(f"{width} × {height} pixels are more than any scanner makes: refused")


def check_bomb(width: int, height: int, samples: int, stored_bytes: int) -> None:
    """Refuse a picture of gigapixels that is over a thousand times larger than its file."""
    check_extent(width, height)
    decoded = width * height * samples
    if width * height > SUSPECT_PIXELS and decoded > SUSPECT_RATIO * stored_bytes:
        raise TooLarge(
            f"{width} × {height} pixels from {stored_bytes} bytes, over {SUSPECT_RATIO} times the "
            "file: a decompression bomb; refused"
        )


def check_segment(what: str, decoded_bytes: int) -> None:
    """Refuse a tile or strip that would not fit the memory a reader may use."""
    if decoded_bytes > MOST_SEGMENT_BYTES:
        raise TooLarge(
            f"one {what} decodes to {decoded_bytes >> 20} MiB, more than "
            f"{MOST_SEGMENT_BYTES >> 20}: write the file anew with smaller tiles"
        )
