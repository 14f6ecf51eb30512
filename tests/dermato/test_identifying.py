"""What identifies is found before a photograph is sent: faces, writing, codes; and rulers."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from dermato.codes import codes_in
from dermato.face import face_in
from dermato.quality import Fault, Finding, Good, check, identifying, of_the_ruler
from dermato.ruler import MOST_UNEVEN, read_ruler
from dermato.writing import letters_in
from tests.dermato.altered import under_hair
from tests.dermato.halves import (
    Picture,
    dermoscopy,
    read,
)
from tests.dermato.labels import KINDS, with_writing
from tests.dermato.rulers import INCHES, with_ruler
from tests.dermato.test_quality import at_stops, blurred
from tests.samples.photo import make_photo
from tests.samples.portrait import portrait


def skin(number: int = 3) -> Picture:
    return dermoscopy(number, 640)


def kinds(found: tuple[Finding, ...]) -> set[Fault | Good]:
    return {finding.kind for finding in found}


def turned(picture: Picture, angle_deg: float) -> Picture:
    """Turned about its middle, nothing cut off; what lies beyond is mirrored."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    across, down = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * across + height * down), round(width * down + height * across)
    matrix[:, 2] += (size[0] / 2 - width / 2, size[1] / 2 - height / 2)
    return np.asarray(
        cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT), np.uint8
    )


def far_away(picture: Picture, share: float) -> Picture:
    """Laid on a grey wall of its own size, so much smaller."""
    wall = np.full_like(picture, 120)
    small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    wall[: small.shape[0], : small.shape[1]] = small
    return wall


ALTERED: dict[str, Callable[[Picture], Picture]] = {
    "as it is": lambda picture: picture,
    "turned by 15°": lambda picture: turned(picture, 15),
    "turned by -25°": lambda picture: turned(picture, -25),
    "turned by 45°": lambda picture: turned(picture, 45),
    "on its side": lambda picture: np.ascontiguousarray(np.rot90(picture)),
    "upside down": lambda picture: np.ascontiguousarray(np.rot90(picture, 2)),
    "half as large": lambda picture: far_away(picture, 0.5),
    "a quarter as large": lambda picture: far_away(picture, 0.25),
    "3 stops darker": lambda picture: at_stops(picture, -3),
    "blurred, σ = 3": lambda picture: blurred(picture, 3),
}


@pytest.mark.parametrize("how", ALTERED)
def test_a_face_is_found_however_it_lies(how: str) -> None:
    assert face_in(ALTERED[how](portrait())) > 0.75


def test_half_a_face_is_one() -> None:
    half = np.ascontiguousarray(portrait()[40:140, 160:290])
    assert face_in(cv2.resize(half, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)) > 0.75
    grey = cv2.cvtColor(portrait(), cv2.COLOR_RGB2GRAY)
    assert face_in(grey) > 0.75
    assert face_in(grey[..., None]) > 0.75


@pytest.mark.parametrize("phototype", [1, 3, 6])
def test_skin_is_no_face_and_hair_no_writing(phototype: int, tmp_path: Path) -> None:
    path = tmp_path / "made.jpg"
    make_photo(path, phototype=phototype, seed=2, width=640, height=480)
    haired = under_hair(read(path), np.random.default_rng(phototype))
    assert identifying(haired) == ()


def test_nothing_is_found_in_good_dermoscopy() -> None:
    assert check(dermoscopy(3, 1024)) == ()


@pytest.mark.parametrize(("kind", "angle_deg"), [*zip(KINDS, (0, 35, 90, 200), strict=True)])
def test_writing_is_found_however_it_lies(kind: str, angle_deg: float) -> None:
    written = with_writing(skin(), kind, letters_px=20, angle_deg=angle_deg, seed=1)
    (found,) = identifying(written)
    assert found.kind is Fault.MARK
    assert found.value > found.limit


def test_a_rulers_own_figures_are_no_name() -> None:
    assert letters_in(with_ruler(skin(), 10.0, 20)) <= 2


def test_a_code_identifies_as_writing_does() -> None:
    code = zxingcpp.create_barcode("7320419", zxingcpp.BarcodeFormat.QRCode)
    picture = skin().copy()
    drawn = np.array(code.to_image(scale=4))
    picture[: drawn.shape[0], : drawn.shape[1]] = drawn[..., None]
    assert identifying(picture, codes_in(picture)) == (Finding(Fault.MARK, 7, 2),)
    assert identifying(picture) == ()


def test_a_ruler_that_was_read_is_good_to_know_and_one_that_was_not_is_told() -> None:
    (scale,) = of_the_ruler(read_ruler(with_ruler(skin(), 10.0, 20)))
    assert scale.kind is Good.SCALE
    assert scale.value == pytest.approx(0.1, rel=0.01)
    (tilted,) = of_the_ruler(read_ruler(with_ruler(skin(), 10.0, 20, tilt=0.1)))
    assert tilted.kind is Fault.RULER_TILTED
    assert tilted.value > tilted.limit == MOST_UNEVEN
    (unread,) = of_the_ruler(read_ruler(with_ruler(skin(), 12.0, 20, marks=INCHES)))
    assert unread.kind is Fault.RULER_UNREAD
    assert of_the_ruler(read_ruler(skin())) == ()


@pytest.mark.parametrize("shape", [(1, 1), (7, 3, 1), (40, 30, 3), (3, 2000, 3)])
def test_the_smallest_pictures_are_looked_at_too(shape: tuple[int, ...]) -> None:
    assert identifying(np.full(shape, 90, np.uint8)) == ()
