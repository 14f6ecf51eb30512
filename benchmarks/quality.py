"""What derived levels lose at each quality and chroma subsampling, on real or made tissue.

python -m benchmarks.quality [SLIDE]

For levels 1 to 3 of a slide: the exact average of the level above, encoded at each setting, against
itself. `--` marks what a conversion would choose by itself.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from slides.open import open_slide
from tests.samples.slide import small_svs
from tiles.codec import decode_jpeg, encode_jpeg, half, padded
from tiles.likeness import psnr_db, squared_error, ssim
from tiles.plan import full
from tiles.pyramid import Box
from tiles.source import Pixels

SETTINGS = tuple((q, s) for s in ("420", "422", "444") for q in (70, 80, 85, 90, 95))
TILE = 256
TISSUE = 20.0
"""Grey levels of spread within a tile, above which it is tissue rather than glass."""


def measured(pixels: Pixels, quality: int, subsampling: str) -> tuple[float, float, float, float]:
    """PSNR over all tissue, mean and lowest SSIM of a tile, bits a pixel."""
    squared = samples = size = 0.0
    alike = []
    for y in range(0, pixels.shape[0], TILE):
        for x in range(0, pixels.shape[1], TILE):
            own = np.ascontiguousarray(pixels[y : y + TILE, x : x + TILE])
            if own.std() < TISSUE:
                continue
            data = encode_jpeg(padded(own, TILE, TILE), quality, subsampling)
            back = decode_jpeg(data)[: own.shape[0], : own.shape[1]]
            squared += squared_error(back, own)
            samples += own.size
            size += 8 * len(data)
            alike.append(ssim(back, own))
    mean = float(np.mean(alike))
    return psnr_db(squared, int(samples)), mean, min(alike), size / (samples / 3)


def main() -> None:
    """Print a table for one slide."""
    with TemporaryDirectory() as folder:
        print_table(Path(sys.argv[1]) if sys.argv[1:] else small_svs(Path(folder) / "a.svs"))


def print_table(path: Path) -> None:
    """Print the table of one slide."""
    with open_slide(path) as slide:
        plan = full(slide.source)
        base = slide.source.pyramid.levels[0]
        level = slide.source.pixels(0, Box(0, 0, base.width, base.height))
    print(f"by itself: q {plan.quality}, {plan.subsampling}\n")
    print("| level | chroma | q | PSNR dB | SSIM | lowest SSIM | bits/pixel |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for number in (1, 2, 3):
        level = half(level)
        for quality, subsampling in SETTINGS:
            psnr, mean, lowest, bits = measured(level, quality, subsampling)
            chosen = " --" if (quality, subsampling) == (plan.quality, plan.subsampling) else ""
            print(
                f"| {number} | {subsampling} | {quality}{chosen} | {psnr:.1f} | {mean:.4f} "
                f"| {lowest:.4f} | {bits:.2f} |"
            )


if __name__ == "__main__":
    main()
