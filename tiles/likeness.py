"""How alike two pictures are: signal to noise, and structural similarity."""

from math import inf, log10

import numpy as np

from tiles.source import Pixels

# Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment, IEEE TIP 13(4), 2004, section III.
_SIGMA = 1.5
_WINDOW = 11
_C1_ROOT, _C2_ROOT = 0.01, 0.03
_LUMA = np.array([0.299, 0.587, 0.114])


def squared_error(one: Pixels, other: Pixels) -> float:
    """The sum over all samples of the squared differences."""
    difference = one.astype(np.float32) - other
    return float(np.vdot(difference, difference))


def psnr_db(squared: float, samples: int, most: int = 255) -> float:
    """Peak signal to noise of `samples` values up to `most`; infinite where none differs."""
    return inf if squared == 0 else 10 * log10(most**2 * samples / squared)


def ssim(one: Pixels, other: Pixels, most: int = 255) -> float:
    """Mean structural similarity of two pictures' luma: 1 where they are equal.

    Gaussian windows of 11 × 11 (σ 1.5) at every pixel; beyond the border pictures are mirrored.
    """
    import cv2

    x, y = _luma(one), _luma(other)

    def mean(values: Pixels) -> Pixels:
        blurred: Pixels = cv2.GaussianBlur(
            values, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_REFLECT
        )
        return blurred

    c1, c2 = (_C1_ROOT * most) ** 2, (_C2_ROOT * most) ** 2
    of_x, of_y = mean(x), mean(y)
    variance_x, variance_y = mean(x * x) - of_x**2, mean(y * y) - of_y**2
    covariance = mean(x * y) - of_x * of_y
    alike = (2 * of_x * of_y + c1) * (2 * covariance + c2)
    return float(np.mean(alike / ((of_x**2 + of_y**2 + c1) * (variance_x + variance_y + c2))))


def _luma(pixels: Pixels) -> Pixels:
    # In 64 bits: a variance is the difference of two large means.
    wide = pixels.astype(np.float64)
    return wide @ _LUMA if pixels.shape[2] == 3 else wide[..., 0]
