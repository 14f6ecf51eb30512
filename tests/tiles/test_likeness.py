"""Likeness of pictures, held to its definition."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.likeness import psnr_db, squared_error, ssim
from tiles.source import Pixels


def by_definition(one: Pixels, other: Pixels) -> float:
    """SSIM as its paper writes it, a window at a time."""
    luma = np.array([0.299, 0.587, 0.114])
    x, y = (np.pad(p.astype(float) @ luma, 5, mode="symmetric") for p in (one, other))
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weight = np.outer(line, line) / line.sum() ** 2
    values = []
    for row in range(one.shape[0]):
        for column in range(one.shape[1]):
            a, b = (p[row : row + 11, column : column + 11] for p in (x, y))
            mean_a, mean_b = (weight * a).sum(), (weight * b).sum()
            var_a, var_b = (weight * (a - mean_a) ** 2).sum(), (weight * (b - mean_b) ** 2).sum()
            both = (weight * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            values.append(
                (2 * mean_a * mean_b + c1)
                * (2 * both + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )
    return float(np.mean(values))


@given(st.integers(0, 2**32 - 1), st.integers(6, 24), st.integers(6, 24), st.integers(0, 80))
def test_ssim_is_what_its_paper_says(seed: int, rows: int, columns: int, noise: int) -> None:
    chance = np.random.default_rng(seed)
    one = chance.integers(0, 256, (rows, columns, 3), np.uint8)
    moved = one + chance.integers(-noise, noise + 1, one.shape)
    other = np.clip(moved, 0, 255).astype(np.uint8)
    assert ssim(one, other) == pytest.approx(by_definition(one, other), abs=1e-6)
    assert ssim(one, one) == pytest.approx(1)


def test_psnr() -> None:
    black = np.zeros((4, 5, 3), np.uint8)
    assert psnr_db(squared_error(black, black), black.size) == inf
    assert psnr_db(squared_error(black, black + np.uint8(255)), black.size) == 0
    one_off = psnr_db(squared_error(black + np.uint8(1), black), black.size)
    assert one_off == pytest.approx(48.1308, abs=1e-4)


def test_grey_pictures_have_a_likeness() -> None:
    grey = np.arange(400, dtype=np.uint8).reshape(20, 20, 1)
    assert ssim(grey, grey) == pytest.approx(1)
    assert ssim(grey, grey[::-1]) < 0.9
