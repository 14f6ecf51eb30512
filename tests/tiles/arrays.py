"""Sources of tiles made from arrays, for tests that need to know every pixel."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tiles.codec import encode_jpeg, padded
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels


@lru_cache(maxsize=2)
def picture(width: int, height: int, samples: int = 3, seed: int = 1) -> Pixels:
    """A smooth coloured picture with texture: codecs lose little of it, shifts show at once."""
    rng = np.random.default_rng(seed)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    noisy = 2 * rng.standard_normal((height, width, samples), np.float32) + 128
    for channel in range(samples):
        for _ in range(4):
            fx, fy = rng.uniform(0.005, 0.08, 2)
            along, down = x * fx, y * fy + channel + rng.uniform(0, 6)
            # The sine of their sum, out of a row and a column.
            noisy[..., channel] += 24 * np.sin(along) * np.cos(down)
            noisy[..., channel] += 24 * np.cos(along) * np.sin(down)
    return np.clip(noisy, 0, 255).astype(np.uint8)


class ArraySource:
    """One level out of an array; as JPEG tiles, their decoded pixels are those of the tiles."""

    def __init__(self, pixels: Pixels, tile: int, jpeg_quality: int | None = None) -> None:
        self.array = pixels
        height, width, samples = pixels.shape
        self._pyramid = Pyramid((Level(width, height, tile, tile),), samples)
        self._frames: dict[tuple[int, int], bytes] = {}
        self.pixels_read = 0
        self.frames_read: Counter[tuple[int, int]] = Counter()
        if jpeg_quality is not None:
            self._encode(tile, jpeg_quality)

    def _encode(self, tile: int, quality: int) -> None:
        from tiles.codec import decode_jpeg

        level = self._pyramid.levels[0]
        self.array = self.array.copy()
        for row in range(level.rows):
            for column in range(level.columns):
                box = level.box(column, row)
                area = self.array[box.y : box.bottom, box.x : box.right]
                subsampling = "gray" if self._pyramid.samples == 1 else "444"
                data = encode_jpeg(padded(area, tile, tile), quality, subsampling)
                self._frames[column, row] = data
                area[:] = decode_jpeg(data)[: box.height, : box.width]

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    def encoding(self, level: int) -> Encoding:
        self._pyramid.level(level)
        return Encoding.JPEG_BASELINE if self._frames else Encoding.RAW

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        assert (level, plane) == (0, FIRST)
        assert box == box.within(self.pyramid.width, self.pyramid.height)
        self.pixels_read += box.width * box.height
        return self.array[box.y : box.bottom, box.x : box.right]

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        self.frames_read[column, row] += 1
        data = self._frames.get((column, row))
        return None if data is None else Frame(data, Encoding.JPEG_BASELINE)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class OpenPicture:
    """Opens the same picture in whichever process asks."""

    width: int
    height: int
    tile: int = 256
    samples: int = 3
    jpeg_quality: int | None = None

    def __call__(self) -> ArraySource:
        pixels = picture(self.width, self.height, self.samples)
        return ArraySource(pixels, self.tile, self.jpeg_quality)


def halved_by_definition(pixels: Pixels) -> Pixels:
    """2 × 2 averages written as the definition has them: what is missing is the edge repeated."""
    rows, columns = pixels.shape[:2]
    even = np.pad(pixels, ((0, rows % 2), (0, columns % 2), (0, 0)), mode="edge").astype(np.uint32)
    total = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    halved: Pixels = ((total + 2) // 4).astype(pixels.dtype)
    return halved


class StackSource:
    """One level of several planes: (optical paths, focal planes, rows, columns, samples)."""

    def __init__(self, stack: Pixels, tile: int) -> None:
        self.stack = stack
        paths, depth, height, width, samples = stack.shape
        planes = tuple(Plane(z, c) for c in range(paths) for z in range(depth))
        level = Level(width, height, tile, tile)
        self.pyramid = Pyramid((level,), samples, 8 * stack.itemsize, planes)

    def encoding(self, level: int) -> Encoding:
        self.pyramid.level(level)
        return Encoding.RAW

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        assert level == 0
        own: Pixels = self.stack[plane.optical_path, plane.focal_plane]
        return own[box.y : box.bottom, box.x : box.right]

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        return None

    def close(self) -> None:
        pass


def measured(paths: int, depth: int, width: int, height: int, dtype: str = "uint16") -> Pixels:
    """A grey stack in which every plane and every place differs."""
    rng = np.random.default_rng(paths * depth)
    shape = (paths, depth, height, width, 1)
    most = np.iinfo(dtype).max
    stack: Pixels = rng.integers(0, most, shape, dtype=np.dtype(dtype), endpoint=True)
    # Few values in one quarter, as where there is no light.
    stack[..., : height // 2, : width // 2, :] %= 7
    return stack


@dataclass(frozen=True)
class OpenStack:
    """Opens the same stack in whichever process asks."""

    paths: int
    depth: int
    width: int
    height: int
    dtype: str = "uint16"
    tile: int = 64

    def __call__(self) -> StackSource:
        stack = measured(self.paths, self.depth, self.width, self.height, self.dtype)
        return StackSource(stack, self.tile)
