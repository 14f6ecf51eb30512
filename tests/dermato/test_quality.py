"""What the checks before sending find, and that they leave good pictures alone."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dermato.quality import WIDTH_PX, Fault, Finding, Good, findings, measure
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
from tests.samples import real_samples
from tests.samples.photo import make_photo

GREEN = (40, 120, 50)


def good() -> Picture:
    return dermoscopy(3, WIDTH_PX)


def faults(pixels: Picture) -> set[Fault | Good]:
    """What is wrong with the picture itself, whatever it shows."""
    return {finding.kind for finding in findings(measure(pixels))}


def blurred(picture: Picture, sigma_px: float = 2.0) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


def at_stops(picture: Picture, stops: float) -> Picture:
    """Exposed more or less by so many stops, in linear light."""
    light = (picture / 255.0) ** 2.2 * 2.0**stops
    return np.asarray(255 * np.clip(light, 0, 1) ** (1 / 2.2) + 0.5, np.uint8)


def noisy(picture: Picture) -> Picture:
    """With a camera's noise, and compressed by it: what remains sharp in a blurred picture."""
    noise = np.random.default_rng(1).normal(0, 2, picture.shape)
    added = np.clip(picture + noise, 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".jpg", added, [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def test_a_good_picture_has_no_fault() -> None:
    assert faults(good()) == set()


@pytest.mark.parametrize("phototype", [1, 4, 6])
def test_a_dark_skin_is_not_a_dark_picture(phototype: int, tmp_path: Path) -> None:
    path = tmp_path / "made.jpg"
    make_photo(path, phototype=phototype, seed=2, width=640, height=480)
    assert faults(read(path)) == set()


@pytest.mark.parametrize(
    ("spoilt", "fault"),
    [
        (blurred, Fault.BLURRED),
        (lambda picture: at_stops(picture, -4), Fault.UNDEREXPOSED),
        (lambda picture: at_stops(picture, 3), Fault.OVEREXPOSED),
        (lambda picture: at_stops(picture, 3), Fault.CLIPPED),
        (lambda picture: narrow(picture, 400), Fault.TOO_SMALL),
        (lambda picture: np.full_like(picture, GREEN), Fault.NO_SKIN),
    ],
)
def test_each_fault_is_found(spoilt: Callable[[Picture], Picture], fault: Fault) -> None:
    assert fault in faults(spoilt(good()))


def test_a_finding_says_by_how_much() -> None:
    small = narrow(good(), 400)
    (finding,) = (found for found in findings(measure(small)) if found.kind is Fault.TOO_SMALL)
    assert finding == Finding(Fault.TOO_SMALL, small.shape[0], 480)


def test_a_large_picture_is_measured_as_its_reduction() -> None:
    small = good()
    large = np.repeat(np.repeat(small, 3, axis=0), 3, axis=1)
    assert measure(large).sharpness == pytest.approx(measure(small).sharpness, rel=0.01)
    assert measure(large).shortest_side_px == 3 * measure(small).shortest_side_px


def test_a_dermatoscopes_dark_surroundings_are_left_out() -> None:
    picture = good()
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    outside = np.hypot(x - width / 2, y - height / 2) > 0.45 * height
    around = picture.copy()
    around[outside] = 0
    assert faults(around) == set()
    assert measure(around).middling == pytest.approx(
        float(np.median(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[~outside])), abs=6
    )


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((1, 1), np.uint8), np.zeros((7, 3, 1), np.uint8), np.zeros((40, 30, 3), np.uint8)],
)
def test_the_smallest_and_darkest_pictures_are_measured_too(pixels: Picture) -> None:
    assert {Fault.TOO_SMALL, Fault.UNDEREXPOSED} <= faults(pixels)


def tone(picture: Picture) -> str:
    """The class of a skin's tone by its typology angle, of the picture's own colours."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    rim = max(2, picture.shape[0] // 8)
    border = np.concatenate([lab[:rim].reshape(-1, 3), lab[-rim:].reshape(-1, 3)])
    light, _, yellow = np.median(border, axis=0)
    angle = float(np.degrees(np.arctan2(light - 50, yellow)))
    classes = ((55, "very light"), (41, "light"), (28, "intermediate"), (10, "tan"), (-30, "brown"))
    return next((name for least, name in classes if angle > least), "dark")


def scenes() -> list[Path]:
    """Photographs of anything but skin."""
    folder = real_samples()
    assert folder, "the full evaluation needs real photographs"
    named = ("jolla.jpg", "orientation/landscape_1.jpg")
    gps = sorted((folder / "phone-photos/gps").glob("*.jpg"))
    return [*gps, *(folder / "phone-photos" / name for name in named)]


@pytest.mark.soak
def test_figures_of_the_checks(artefacts: Path) -> None:
    report = []
    for half, name in ((FIXED_ON, "fixed on"), (REPORTED_ON, "reported on")):
        through = [narrow(read(path), WIDTH_PX) for path in real("dermoscopy", half)]
        photos = [read(path) for path in real("clinical", half)]
        photos = [narrow(one, min(WIDTH_PX, one.shape[1])) for one in photos]
        both = through + photos
        rows = []
        for kind, pictures in (("dermoscopy", through), ("photographs", photos)):
            for fault in Fault:
                found = sum(fault in faults(one) for one in pictures)
                rows.append((f"{kind}, as they are: {fault}", interval(found, len(pictures))))
        for what, fault, spoilt in (
            ("blurred, σ = 2", Fault.BLURRED, [blurred(one) for one in both]),
            ("blurred, σ = 2, then noise", Fault.BLURRED, [noisy(blurred(one)) for one in both]),
            ("4 stops darker", Fault.UNDEREXPOSED, [at_stops(one, -4) for one in both]),
            ("2 stops lighter", Fault.OVEREXPOSED, [at_stops(one, 2) for one in both]),
            ("2 stops lighter", Fault.CLIPPED, [at_stops(one, 2) for one in both]),
        ):
            found = sum(fault in faults(one) for one in spoilt)
            rows.append((f"{what}: {fault}", interval(found, len(spoilt))))
        seen = [measure(one) for one in both]
        soft = [measure(blurred(one)) for one in both]
        rows.append(("sharpness, lowest", f"{min(one.sharpness for one in seen):.2f}"))
        rows.append(("sharpness blurred, highest", f"{max(one.sharpness for one in soft):.2f}"))
        rows.append(("skin, lowest", f"{min(one.skin for one in seen):.2f}"))
        tones = [tone(one) for one in photos]
        rows.append(("tones", ", ".join(f"{tones.count(one)} {one}" for one in sorted({*tones}))))
        else_ = scenes()[half::2]
        found = sum(Fault.NO_SKIN in faults(narrow(read(path), 640)) for path in else_)
        rows.append(("not skin: no-skin", interval(found, len(else_))))
        report.append(table(f"Checks, half {name}", rows))
        assert not any(faults(one) for one in through), "a false alarm on dermoscopy"
        alarms = sum(Fault.BLURRED in faults(blurred(one)) for one in both)
        assert alarms >= 0.95 * len(both)
    print("\n" + "\n".join(report))
    (artefacts / "photograph-checks.txt").write_text("\n".join(report))
