"""Two pictures of one lesion are laid over each other; of two lesions, never."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermato.alignment import Aligned, CannotAlign, Why, align
from dermato.optics import field_of_view, grey
from dermato.patches import Matrix
from tests.dermato.altered import KINDS, Again, again
from tests.dermato.halves import Picture, dermoscopy

WIDTH = 600


def moved(matrix: Matrix, points: Matrix) -> Matrix:
    return np.asarray(cv2.perspectiveTransform(points[:, None], matrix)[:, 0], np.float64)


def error_px(first: Picture, second: Again, found: Aligned) -> float:
    """Median distance, at 600 pixels of width, from where skin went; where it moved, none."""
    width = first.shape[1]
    still = (field_of_view(grey(first)) > 0) & ~second.changed
    y, x = np.nonzero(still[::5, ::5])
    points = np.column_stack([x, y]).astype(np.float64) * 5
    off = moved(np.array(found.matrix), points) - moved(second.matrix, points)
    return float(np.median(np.hypot(*off.T)) * WIDTH / width)


def with_a_scale(picture: Picture) -> Picture:
    """With the marks that some dermatoscopes have on their glass."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    for number in range(41):
        x, y = round(width * (0.1 + 0.02 * number)), round(height * 0.1 + height * 0.02 * number)
        long = 18 if number % 5 == 0 else 9
        cv2.line(drawn, (x, height // 2), (x, height // 2 + long), (10, 10, 10), 1, cv2.LINE_AA)
        cv2.line(drawn, (width // 2, y), (width // 2 + long, y), (10, 10, 10), 1, cv2.LINE_AA)
    return drawn


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_skin_is_laid_over_itself(kind: str) -> None:
    first = dermoscopy(2, WIDTH)
    second = again(first, kind, seed=1)
    found = align(first, second.pixels)
    assert isinstance(found, Aligned)
    assert error_px(first, second, found) < 2
    assert found.confirmed >= 30
    assert found.agreement > 0.1


def test_the_same_pixels_give_the_same_answer() -> None:
    first = dermoscopy(2, WIDTH)
    second = again(first, "warped", seed=2).pixels
    assert align(first, second) == align(first.copy(), second.copy())


def test_a_picture_of_another_size_is_laid_at_full_size() -> None:
    small = dermoscopy(2, WIDTH)
    large = np.asarray(cv2.resize(small, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC))
    found = align(small, large)
    assert isinstance(found, Aligned)
    corners = np.array([(100.0, 100.0), (500.0, 120.0), (300.0, 350.0)])
    assert moved(np.array(found.matrix), corners) == pytest.approx(2.5 * corners + 0.75, abs=1.0)


def test_other_skin_of_the_same_patient_and_a_mirrored_lesion_cannot_be_aligned() -> None:
    whole = dermoscopy(2, 2 * WIDTH)
    left, right = whole[:, :WIDTH], whole[:, WIDTH:]
    assert isinstance(align(left, right), CannotAlign)
    mirrored = np.ascontiguousarray(again(dermoscopy(2, WIDTH), "re-lit", 1).pixels[:, ::-1])
    assert isinstance(align(dermoscopy(2, WIDTH), mirrored), CannotAlign)


def test_two_lesions_cannot_be_aligned_even_under_one_scale() -> None:
    first, second = dermoscopy(1, WIDTH), dermoscopy(3, WIDTH)
    assert isinstance(align(first, second), CannotAlign)
    assert isinstance(align(with_a_scale(first), with_a_scale(second)), CannotAlign)


@pytest.mark.parametrize("shape", [(1, 1), (12, 9, 1), (40, 40, 3), (300, 200, 3)])
def test_nothing_to_hold_on_to_cannot_be_aligned(shape: tuple[int, ...]) -> None:
    flat = np.full(shape, 180, np.uint8)
    assert align(flat, flat) == CannotAlign(Why.NO_DETAIL)


@settings(max_examples=30, deadline=None)
@given(
    x=st.integers(130, 270),
    y=st.integers(110, 190),
    radius=st.integers(70, 180),
    bright=st.integers(90, 255),
)
def test_the_round_field_of_a_dermatoscope_is_found(
    x: int, y: int, radius: int, bright: int
) -> None:
    image = np.zeros((300, 400), np.uint8)
    cv2.circle(image, (x, y), radius, bright, -1)
    truth = image > 0
    found = field_of_view(image) > 0
    assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_a_dark_lesion_at_the_border_is_no_field() -> None:
    image = np.full((300, 400), 190, np.uint8)
    cv2.rectangle(image, (0, 90), (120, 180), 15, -1)
    assert (field_of_view(image) == 255).all()
