"""Two pictures of one lesion are laid over each other; of two lesions, never."""

from collections import defaultdict
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermato.alignment import Aligned, CannotAlign, Matrix, Seen, Why, align, lay, see
from dermato.optics import field_of_view, grey
from tests.dermato.altered import KINDS, Again, again
from tests.dermato.halves import FIXED_ON, Picture, dermoscopy, interval, read, real, table
from tests.samples import real_samples

WIDTH = 600
OF_ONE_LESION = {"PAT_91_356_456.png", "PAT_91_356_74.png"}


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
    assert found.inliers >= 12
    assert found.agreement > 0.15


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


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_figures_of_true_alignments(artefacts: Path) -> None:
    errors: dict[str, list[float]] = defaultdict(list)
    refused: dict[str, int] = defaultdict(int)
    for number, path in enumerate(real("dermoscopy")):
        first = read(path)
        seen = see(first)
        half = "fixed on" if number % 2 == FIXED_ON else "reported on"
        for kind in KINDS:
            for seed in range(10, 13):
                second = again(first, kind, seed)
                found = lay(seen, see(second.pixels))
                names = [f"{half}, {kind}"]
                # All at once is harder than what is promised: it is reported, and not counted.
                names += [half] * (kind != "all of it")
                for name in names:
                    if isinstance(found, Aligned):
                        errors[name].append(error_px(first, second, found))
                    else:
                        refused[name] += 1
    rows = []
    for name, all_ in sorted(errors.items()):
        share = interval(len(all_), len(all_) + refused[name])
        middle, most = np.percentile(all_, (50, 95))
        rows.append((name, f"aligned {share}, error median {middle:.2f}, 95 % below {most:.2f} px"))
    report = table("One lesion, altered by code: pixels at 600 of width", rows)
    print("\n" + report)
    (artefacts / "photograph-alignment.txt").write_text(report)
    for half in ("fixed on", "reported on"):
        assert np.median(errors[half]) <= 0.5
        assert len(errors[half]) >= 0.98 * (len(errors[half]) + refused[half])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_figures_of_false_alignments(artefacts: Path) -> None:
    folder = real_samples()
    assert folder
    extra = folder / "phone-photos/isic_image_with_exif_orientation6.jpg"
    every = [*real("dermoscopy"), *real("clinical"), extra]
    seen: dict[Path, Seen] = {path: see(read(path)) for path in every}
    pairs = [pair for pair in combinations(every, 2) if {one.name for one in pair} != OF_ONE_LESION]
    false = [pair for pair in pairs if isinstance(lay(seen[pair[0]], seen[pair[1]]), Aligned)]
    scaled = [see(with_a_scale(read(path))) for path in real("dermoscopy")]
    under = list(combinations(scaled, 2))
    false_under = [pair for pair in under if isinstance(lay(*pair), Aligned)]
    one, other = (path for path in every if path.name in OF_ONE_LESION)
    same = lay(seen[one], seen[other])
    rows = [
        ("pairs of different lesions", f"{len(false)} aligned of {len(pairs)}"),
        ("95 % bound, 3/n", f"{300 / len(pairs):.2f} %"),
        ("of them dermoscopy", str(len(under))),
        ("the same dermoscopy under one drawn scale", f"{len(false_under)} of {len(under)}"),
        ("two photographs really taken of one lesion", str(same)),
    ]
    report = table("Different lesions", rows)
    print("\n" + report)
    (artefacts / "photograph-alignment-false.txt").write_text(report)
    assert not false
    assert not false_under
    assert isinstance(same, Aligned)
