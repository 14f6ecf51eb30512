"""Synthetic tissue: seamless textures and single structures, coloured as a stain would.

Everything is first drawn as *layers*, densities between 0 and about 1 named after what they are
(nuclei, collagen, mucin …), then coloured by Beer-Lambert with one optical density per layer and
stain. Lengths are given in micrometres and drawn at the spacing asked for.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tiles.colour import srgb_profile

Array = NDArray[np.float32]
Layers = dict[str, Array]
RGB = NDArray[np.uint8]

GLASS = (244, 243, 246)

STAINS: dict[str, dict[str, tuple[int, int, int]]] = {
    "HE": {
        "nuclei": (78, 52, 138),
        "collagen": (238, 168, 202),
        "muscle": (226, 118, 164),
        "epithelium": (208, 142, 196),
        "mucin": (212, 214, 238),
        "membrane": (222, 130, 178),
        "blood": (214, 62, 78),
    },
    "IHC-DAB": {
        "nuclei": (112, 132, 184),
        "collagen": (230, 229, 238),
        "muscle": (220, 218, 230),
        "epithelium": (142, 84, 40),
        "mucin": (226, 214, 202),
        "membrane": (176, 128, 88),
        "blood": (206, 180, 160),
    },
    "PAS": {
        "nuclei": (92, 74, 150),
        "collagen": (240, 196, 220),
        "muscle": (230, 170, 206),
        "epithelium": (222, 172, 212),
        "mucin": (184, 24, 122),
        "membrane": (176, 36, 118),
        "blood": (222, 120, 150),
    },
    "trichrome": {
        "nuclei": (64, 30, 72),
        "collagen": (92, 138, 200),
        "muscle": (196, 56, 74),
        "epithelium": (204, 104, 128),
        "mucin": (158, 192, 222),
        "membrane": (70, 110, 190),
        "blood": (206, 48, 36),
    },
    "trichrome-green": {
        "nuclei": (56, 34, 62),
        "collagen": (98, 176, 150),
        "muscle": (190, 60, 70),
        "epithelium": (206, 118, 128),
        "mucin": (176, 214, 196),
        "membrane": (70, 150, 120),
        "blood": (208, 56, 40),
    },
}
"""The colour of each layer at density 1, on white light."""


def noise(rng: Generator, size: int, across: float, along: float | None = None) -> Array:
    """Seamless Gaussian noise of unit variance with a grain of `across` × `along` pixels."""
    spectrum = np.fft.rfft2(rng.standard_normal((size, size), dtype=np.float32)).astype(
        np.complex64
    )
    fy = np.fft.fftfreq(size)[:, None].astype(np.float32)
    fx = np.fft.rfftfreq(size)[None, :].astype(np.float32)
    spectrum *= np.exp(-2 * ((fx * (along or across)) ** 2 + (fy * across) ** 2) * np.pi)
    field = np.fft.irfft2(spectrum, s=(size, size)).astype(np.float32)
    return np.asarray(field / (field.std() + 1e-6), np.float32)


def _warped(field: Array, rows: Array, columns: Array) -> Array:
    """The field with each pixel taken from (rows, columns) away, on the torus."""
    size = field.shape[0]
    index = np.arange(size)
    y = (index[:, None] + rows.astype(np.int32)) % size
    x = (index[None, :] + columns.astype(np.int32)) % size
    return np.asarray(field[y, x], np.float32)


@dataclass(frozen=True)
class Nuclei:
    """A population: how many per mm², their length and width in µm, and how they lie."""

    per_mm2: float
    length_um: float
    width_um: float
    angle: float | None = None
    """Common direction in radians; None for any."""


def _stamp(layer: Array, rng: Generator, kind: Nuclei, mpp: float, allowed: Array | None) -> None:
    """Draw a population into a layer, on the torus, where `allowed` (0..1) lets it."""
    size = layer.shape[0]
    count = int(kind.per_mm2 * (size * mpp / 1000) ** 2)
    half = int(kind.length_um / mpp * 0.8) + 2
    dy, dx = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    for x, y in rng.integers(0, size, (count, 2)):
        if allowed is not None and rng.random() > allowed[y, x]:
            continue
        angle = rng.uniform(0, np.pi) if kind.angle is None else rng.normal(kind.angle, 0.25)
        a = kind.length_um / mpp / 2 * rng.uniform(0.7, 1.2)
        b = kind.width_um / mpp / 2 * rng.uniform(0.75, 1.15)
        cos, sin = np.cos(angle), np.sin(angle)
        r = np.hypot((dx * cos + dy * sin) / a, (dy * cos - dx * sin) / b)
        body = np.clip((1 - r) * b * 0.8, 0, 1) * (0.62 + 0.35 * r * r) * rng.uniform(0.75, 1.15)
        rows = (y + np.arange(-half, half + 1)) % size
        columns = (x + np.arange(-half, half + 1)) % size
        view = np.ix_(rows, columns)
        layer[view] = np.maximum(layer[view], body)


def _fibres(rng: Generator, size: int, mpp: float, wave_um: float, length_um: float) -> Array:
    """Wavy bundles running left to right, between 0 and 1."""
    strands = noise(rng, size, 1.3 / mpp, length_um / mpp)
    coarse = noise(rng, size, 5 / mpp, length_um * 1.6 / mpp)
    sway = noise(rng, size, 40 / mpp) * wave_um / mpp
    drift = noise(rng, size, 40 / mpp) * wave_um / mpp
    bundles = _warped(strands + 0.7 * coarse, sway, drift)
    return np.clip(0.66 + 0.17 * bundles + 0.06 * noise(rng, size, 0.7 / mpp), 0.04, 1.1)


def foam(rng: Generator, size: int, mpp: float, cell_um: float) -> Array:
    """Distance to the nearest wall between fat cells, in micrometres."""
    small = size // 4
    count = max(12, int((size * mpp / cell_um) ** 2))
    points = rng.uniform(0, small, (count, 2)).astype(np.float32)
    axis = np.arange(small, dtype=np.float32)
    nearest = np.full((2, small, small), 1e6, np.float32)
    for py, px in points:
        wy = np.abs(axis - py)
        wx = np.abs(axis - px)
        square = np.minimum(wy, small - wy)[:, None] ** 2 + np.minimum(wx, small - wx)[None] ** 2
        nearest[1] = np.minimum(nearest[1], np.maximum(nearest[0], square))
        nearest[0] = np.minimum(nearest[0], square)
    wall = (np.sqrt(nearest[1]) - np.sqrt(nearest[0])) * 2 * mpp
    rows = np.arange(size) / 4
    low, part = rows.astype(int), (rows % 1).astype(np.float32)
    high = (low + 1) % small
    wide = wall[low] * (1 - part)[:, None] + wall[high] * part[:, None]
    return np.asarray(wide[:, low] * (1 - part) + wide[:, high] * part, np.float32)


def textures(seed: int, size: int, mpp: float) -> dict[str, Layers]:
    """The seamless square textures of the five tissues."""
    rng = np.random.default_rng([seed, size, 1])
    chromatin = 1 + 0.16 * noise(rng, size, 0.55 / mpp)
    cloud = np.clip(1 + 0.1 * noise(rng, size, 12 / mpp), 0.5, 1.4)

    def nuclei(*kinds: Nuclei, allowed: Array | None = None) -> Array:
        layer = np.zeros((size, size), np.float32)
        for kind in kinds:
            _stamp(layer, rng, kind, mpp, allowed)
        return np.clip(layer * chromatin, 0, 1.3)

    lamina = _fibres(rng, size, mpp, 8, 9)
    dense = _fibres(rng, size, mpp, 11, 40)
    muscle = _fibres(rng, size, mpp, 3.5, 60)
    gaps = np.clip(noise(rng, size, 7 / mpp, 16 / mpp) - 1.15, 0, 1)
    wall = foam(rng, size, mpp, 62)
    rim = np.exp(-((wall / 3.2) ** 2))
    lymph = nuclei(Nuclei(19000, 6.6, 6.0), Nuclei(1200, 9, 7))
    return {
        "stroma": {
            "collagen": lamina * 0.85 * cloud * (1 - 0.8 * gaps),
            "nuclei": nuclei(Nuclei(2600, 6.2, 5.6), Nuclei(1500, 14, 3.2), Nuclei(700, 8.5, 6)),
        },
        "collagen": {
            "collagen": np.clip(dense * 1.1, 0, 1.2) * cloud * (1 - 0.8 * gaps),
            "nuclei": nuclei(Nuclei(900, 17, 2.4, 0.0), Nuclei(220, 6.2, 5.6)),
        },
        "muscle": {
            "muscle": np.clip(muscle * 1.05, 0, 1.2) * cloud,
            "nuclei": nuclei(Nuclei(1500, 20, 3.2, 0.0)),
        },
        "fat": {
            "collagen": rim * 0.75,
            "nuclei": nuclei(Nuclei(1500, 7.5, 3), allowed=rim),
        },
        "lymphoid": {"collagen": 0.35 * cloud, "nuclei": lymph},
    }


def _polar(rng: Generator, radius: float) -> tuple[Array, Array, float]:
    """Distance and angle from the centre of a square, stretched and turned a little."""
    stretch, turn = rng.uniform(1, 1.4), rng.uniform(0, np.pi)
    half = int(radius * stretch * 1.22) + 3
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    u = (x * np.cos(turn) + y * np.sin(turn)) / stretch
    v = y * np.cos(turn) - x * np.sin(turn)
    return np.hypot(u, v), np.arctan2(v, u), stretch


def _outline(rng: Generator, angle: Array, waves: range, depth: float) -> Array:
    """A closed wavy outline around 1."""
    out = np.ones_like(angle)
    for wave in waves:
        out += rng.normal(0, depth / wave) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    return out


def gland(rng: Generator, mpp: float) -> tuple[Layers, Array]:
    """One gland cut across (columnar cells, basal nuclei, goblets, lumen), and its opacity."""
    radius = rng.uniform(32, 50) / mpp
    r, angle, _ = _polar(rng, radius)
    outer = radius * _outline(rng, angle, range(2, 6), 0.13)
    inner = radius * rng.uniform(0.12, 0.5) * _outline(rng, angle, range(2, 14), 0.4)
    height = np.maximum(outer - inner, 4)
    t = (r - inner) / height
    grain = noise(rng, 512, 0.9 / mpp)
    grain = np.tile(grain, (-(-r.shape[0] // 512),) * 2)[: r.shape[0], : r.shape[1]]

    cells = max(10, int(2 * np.pi * radius / (6.2 / mpp)))
    position = angle * cells / (2 * np.pi)
    depth, shift = rng.normal(0.78, 0.09, cells), rng.normal(0, 0.14, cells)
    tone, goblet = rng.uniform(0.75, 1.1, cells), rng.random(cells) < rng.uniform(0.15, 0.5)
    nuclei, mucin = np.zeros_like(r), np.zeros_like(r)
    pitch = 2 * np.pi * np.maximum(r, 1) / cells
    for step in (-1, 0, 1):
        cell = np.floor(position).astype(int) + step
        k = cell % cells
        sideways = (position - cell - 0.5 - shift[k]) * pitch
        along = (t - depth[k]) * height
        d = np.hypot(along / (5.2 / mpp), sideways / (2.5 / mpp))
        nuclei = np.maximum(nuclei, np.clip((1 - d) * 2.4 / mpp, 0, 1) * (0.6 + 0.4 * d) * tone[k])
        bulge = np.hypot((t - 0.36) * height / (6.5 / mpp), sideways / (3.6 / mpp))
        mucin = np.maximum(mucin, np.clip((1 - bulge) * 3, 0, 1) * goblet[k])
    inside = np.clip((outer - r) * 0.7, 0, 1) * np.clip((r - inner) * 0.7, 0, 1)
    nuclei *= inside * (1 + 0.13 * grain)
    mucin *= inside * (1 - np.clip(nuclei, 0, 1))
    rim = np.exp(-(((t * height) / (1.1 / mpp)) ** 2)) * 0.5
    layers = {
        "epithelium": np.asarray(inside * (0.7 + 0.05 * grain + rim) * (1 - 0.9 * mucin)),
        "nuclei": np.clip(nuclei, 0, 1.2),
        "mucin": np.asarray(mucin * 0.85 + 0.5 * np.clip(grain - 1.1, 0, 0.8) * (r < inner)),
        "membrane": np.asarray(np.exp(-(((r - outer) / (0.9 / mpp)) ** 2)) * 0.7),
    }
    halo = np.clip((outer + 2.2 / mpp - r) * mpp, 0, 1)
    return layers, halo


def vessel(rng: Generator, mpp: float) -> tuple[Layers, Array]:
    """One small vessel: muscular wall, flat endothelium, red cells, and its opacity."""
    radius = rng.uniform(18, 60) / mpp
    r, angle, _ = _polar(rng, radius)
    outer = radius * _outline(rng, angle, range(2, 5), 0.1)
    inner = outer * rng.uniform(0.5, 0.75)
    wall = np.clip((outer - r) * 0.6, 0, 1) * np.clip((r - inner) * 0.6, 0, 1)
    rings = 0.75 + 0.25 * np.sin(r * mpp * 1.6 + 2 * np.cos(angle * 7))
    cells = max(6, int(2 * np.pi * radius / (16 / mpp)))
    nuclei = np.zeros_like(r)
    for level, spread in ((0.06, 0.35), (0.55, 0.3)):
        position = angle * cells / (2 * np.pi) + level * 9
        sideways = (position % 1 - 0.5) / spread
        across = (r - inner - level * (outer - inner)) / (1.5 / mpp)
        nuclei = np.maximum(nuclei, np.clip((1 - np.hypot(sideways, across)) * 3, 0, 0.95))
    red = noise(rng, 512, 2.4 / mpp)
    red = np.tile(red, (-(-r.shape[0] // 512),) * 2)[: r.shape[0], : r.shape[1]]
    layers = {
        "muscle": np.asarray(wall * rings, np.float32),
        "nuclei": np.asarray(nuclei * (r < outer), np.float32),
        "blood": np.asarray(np.clip(red * 1.6 + 0.6, 0, 0.9) * np.clip((inner - r) * 0.5, 0, 1)),
    }
    return layers, np.clip((outer + 1.5 / mpp - r) * mpp, 0, 1)


def coloured(layers: Layers, stain: str) -> RGB:
    """The layers as transmitted light, (rows, columns, 3), white where there is nothing."""
    first = next(iter(layers.values()))
    out = np.empty((*first.shape, 3), np.uint8)
    colours = STAINS[stain]
    for channel in range(3):
        density = np.zeros_like(first)
        for name, layer in layers.items():
            density -= layer * np.float32(np.log(colours[name][channel] / 255))
        out[..., channel] = np.exp(-density) * 255
    return out


def display_profile() -> bytes:
    """An sRGB profile of the class that cameras and scanners hand out (`mntr`)."""
    profile = srgb_profile()
    return profile[:12] + b"mntr" + profile[16:]
