"""What identifies is found before a photograph is sent: faces, writing, codes; and rulers."""

from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
import skimage.data
import zxingcpp

from dermato.codes import codes_in
from dermato.face import face_in
from dermato.quality import Fault, Finding, Good, check, identifying, of_the_ruler
from dermato.ruler import MOST_UNEVEN, read_ruler
from dermato.writing import letters_in
from tests.dermato.altered import under_hair
from tests.dermato.halves import (
    FIXED_ON,
    REPORTED_ON,
    Picture,
    dermoscopy,
    interval,
    narrow,
    read,
    real,
    table,
)
from tests.dermato.labels import KINDS, with_writing
from tests.dermato.rulers import HALF_MILLIMETRES, INCHES, with_ruler
from tests.dermato.test_quality import at_stops, blurred, scenes
from tests.samples.photo import make_photo
from tests.samples.portrait import portrait

SURE = 0.8
"""From there on a face is told of."""


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
    assert face_in(ALTERED[how](portrait())) > SURE


def test_half_a_face_is_one() -> None:
    half = np.ascontiguousarray(portrait()[40:140, 160:290])
    assert face_in(cv2.resize(half, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)) > SURE
    grey = cv2.cvtColor(portrait(), cv2.COLOR_RGB2GRAY)
    assert face_in(grey) > SURE
    assert face_in(grey[..., None]) > SURE


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


def strangers(half: int) -> list[Picture]:
    """Grey faces of 25 pixels that a test tool brings along, enlarged and laid on grey skin."""
    found = np.load(Path(skimage.data.__file__).with_name("lfw_subset.npy"))[:100][half::4]
    ground = narrow(read(real("clinical", half)[-1]), 480)
    laid = []
    for small in found:
        face = cv2.resize((small * 255).astype(np.uint8), (150, 150), interpolation=cv2.INTER_CUBIC)
        picture = cv2.cvtColor(ground, cv2.COLOR_RGB2GRAY)
        picture[100:250, 200:350] = face
        laid.append(np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB), np.uint8))
    return laid


def portraits(half: int) -> list[Picture]:
    """A portrait in colour."""
    if half == REPORTED_ON:
        return [portrait()]
    return [read(Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg"))]


@pytest.mark.soak
@pytest.mark.parametrize(("half", "name"), [(FIXED_ON, "fixed on"), (REPORTED_ON, "reported on")])
def test_figures_of_faces(half: int, name: str, artefacts: Path) -> None:
    rows = []
    for what, people in (("portraits", portraits(half)), ("faces of 25 px", strangers(half))):
        for how, alter in ALTERED.items():
            found = sum(face_in(alter(one)) > SURE for one in people)
            rows.append((f"{what} {how}", f"found {interval(found, len(people))}"))
            assert what != "portraits" or found == len(people)
    bare = {
        "dermoscopy": [read(path) for path in real("dermoscopy", half)],
        "photographs of skin": [read(path) for path in real("clinical", half)],
        "other things": [narrow(read(path), 1024) for path in scenes()[half::2]],
    }
    for what, pictures in bare.items():
        middles = [one[len(one) // 4 : -len(one) // 4] for one in pictures]
        every = [*pictures, *(turned(one, 25) for one in pictures), *middles]
        found = sum(face_in(one) > SURE for one in every)
        surest = max(face_in(one) for one in every)
        rows.append((what, f"said to be a face {interval(found, len(every))}, surest {surest:.2f}"))
        assert what != "dermoscopy" or found == 0
    told(f"Faces, half {name}", rows, artefacts / f"photograph-faces-{half}.txt")


@pytest.mark.soak
@pytest.mark.parametrize(("half", "name"), [(FIXED_ON, "fixed on"), (REPORTED_ON, "reported on")])
def test_figures_of_writing_and_rulers(half: int, name: str, artefacts: Path) -> None:
    rng = np.random.default_rng(half)
    dermoscopies = [narrow(read(path), 1024) for path in real("dermoscopy", half)]
    photos = [read(path) for path in real("clinical", half)]
    skins = dermoscopies + [narrow(one, 1024) for one in photos if one.shape[1] > 600]
    rows = []
    for kind in KINDS:
        for letters_px in (12, 20, 36):
            drawn = [
                with_writing(
                    one, kind, letters_px=letters_px, angle_deg=rng.uniform(0, 360), seed=number
                )
                for number, one in enumerate(skins)
            ]
            found = sum(letters_in(one) > 2 for one in drawn)
            rows.append((f"{kind}, capitals of {letters_px} px", interval(found, len(drawn))))
    ruled = [
        with_ruler(one, pitch, 4 * pitch, seed=number)
        for number, one in enumerate(skins)
        for pitch in (8.0, 14.0, 20.0)
    ]
    haired = [under_hair(one, rng) for one in skins]
    others = [narrow(read(path), 1024) for path in scenes()[half::2]]
    bare = {"dermoscopy": dermoscopies, "photographs of skin": photos, "other things": others}
    for what, pictures in (*bare.items(), ("under hair", haired), ("a ruler's figures", ruled)):
        found = sum(letters_in(one) > 2 for one in pictures)
        rows.append((f"{what}: said to have writing", interval(found, len(pictures))))
        assert what != "dermoscopy" or found == 0
    for what, pictures in (*bare.items(), ("under hair", haired)):
        found = sum(of_the_ruler(read_ruler(one)) != () for one in pictures)
        rows.append((f"{what}: said to have a ruler", interval(found, len(pictures))))
        assert what != "dermoscopy" or found == 0
    for what, marks in (("inches", INCHES), ("half millimetres", HALF_MILLIMETRES)):
        drawn = [with_ruler(one, 14.0, 10, marks=marks, seed=n) for n, one in enumerate(skins)]
        found = sum(Fault.RULER_UNREAD in kinds(of_the_ruler(read_ruler(one))) for one in drawn)
        rows.append((f"a ruler in {what}: said to be unread", interval(found, len(drawn))))
    told(f"Writing and rulers, half {name}", rows, artefacts / f"photograph-writing-{half}.txt")


def told(title: str, rows: list[tuple[str, str]], path: Path) -> None:
    """Print a table of figures, and keep it."""
    report = table(title, rows)
    print("\n" + report)
    path.write_text(report)
