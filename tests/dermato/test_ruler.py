"""A ruler beside a lesion gives millimetres; what is no ruler, or leans, gives a reason."""

from pathlib import Path

import numpy as np
import pytest

from dermato.ruler import NoScale, Scale, Why, read_ruler
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
from tests.dermato.rulers import HALF_MILLIMETRES, INCHES, with_ruler

WIDTH = 800


def skin() -> Picture:
    return dermoscopy(1, WIDTH)


@pytest.mark.parametrize(("angle", "pitch"), [(0, 9.7), (17, 12.3), (45, 8.1), (90, 7.3), (152, 9)])
def test_a_ruler_at_any_angle_gives_its_scale(angle: float, pitch: float) -> None:
    found = read_ruler(with_ruler(skin(), pitch, angle, seed=int(angle)))
    assert isinstance(found, Scale)
    assert found.mm_per_pixel == pytest.approx(1 / pitch, rel=0.01)
    assert abs((found.angle_deg - angle + 90) % 180 - 90) < 2
    assert found.marks == pytest.approx(51, abs=6)
    assert found.uncertainty < 0.01 * found.mm_per_pixel


def test_a_large_picture_is_read_at_its_full_size() -> None:
    drawn = with_ruler(skin(), 11.0, 20, seed=3)
    large = np.repeat(np.repeat(drawn, 3, axis=0), 3, axis=1)
    found = read_ruler(large)
    assert isinstance(found, Scale)
    assert found.mm_per_pixel == pytest.approx(1 / 33, rel=0.01)


@pytest.mark.parametrize("tilt", [0.08, 0.2])
def test_a_ruler_that_goes_away_is_refused(tilt: float) -> None:
    found = read_ruler(with_ruler(skin(), 11.0, 25, tilt=tilt))
    assert isinstance(found, NoScale)
    assert found.why is Why.TILTED
    assert found.uneven == pytest.approx(tilt, rel=0.4)


def test_inches_are_not_taken_for_millimetres() -> None:
    assert isinstance(read_ruler(with_ruler(skin(), 12.0, 10, marks=INCHES)), NoScale)


def test_half_millimetres_mislead_nobody() -> None:
    found = read_ruler(with_ruler(skin(), 13.0, 10, marks=HALF_MILLIMETRES))
    assert isinstance(found, NoScale) or found.mm_per_pixel == pytest.approx(1 / 13, rel=0.01)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_without_a_ruler_there_is_no_scale(number: int) -> None:
    assert read_ruler(dermoscopy(number, WIDTH)) == NoScale(Why.NO_RULER)


@pytest.mark.parametrize("shape", [(1, 1), (9, 700, 1), (700, 9, 3), (64, 64)])
def test_the_smallest_pictures_have_none_either(shape: tuple[int, ...]) -> None:
    assert read_ruler(np.full(shape, 90, np.uint8)) == NoScale(Why.NO_RULER)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_figures_of_rulers(artefacts: Path) -> None:
    report = []
    for half, name in ((FIXED_ON, "fixed on"), (REPORTED_ON, "reported on")):
        skins = [narrow(read(path), 1200) for path in real("clinical", half)[::2]]
        wrong: dict[str, list[float]] = {"0-45°": [], "60-165°": []}
        sure, asked = [], {"0-45°": 0, "60-165°": 0}
        for number, one in enumerate(skins):
            for step, angle in enumerate((0, 10, 20, 30, 45, 60, 105, 165)):
                group = "0-45°" if angle <= 45 else "60-165°"
                pitch = 8 + (number * 5 + step * 3) % 12 + 0.37
                found = read_ruler(with_ruler(one, pitch, angle, seed=number * 10 + step))
                asked[group] += 1
                if isinstance(found, Scale):
                    error = found.mm_per_pixel * pitch - 1
                    wrong[group].append(abs(error))
                    sure.append(abs(error) / (found.uncertainty * pitch))
        rows = []
        for group, all_ in wrong.items():
            most = f"error median {100 * np.median(all_):.3f} %, most {100 * max(all_):.3f} %"
            rows.append((f"turned {group}", f"read {interval(len(all_), asked[group])}, {most}"))
        inside = sum(ratio <= 2 for ratio in sure)
        rows.append(("error within 2 × the uncertainty", interval(inside, len(sure))))
        for tilt in (0.03, 0.05, 0.1, 0.2):
            drawn = [with_ruler(one, 11.0, 15 * n % 60, tilt=tilt) for n, one in enumerate(skins)]
            every = [read_ruler(one) for one in drawn]
            refused = sum(isinstance(one, NoScale) and one.why is Why.TILTED for one in every)
            none = sum(isinstance(one, NoScale) for one in every)
            rows.append(
                (
                    f"pitch {100 * tilt:.0f} % smaller at the end",
                    f"said to be tilted {interval(refused, len(drawn))}, refused {none}",
                )
            )
            assert none == len(drawn)
        for what, marks in (("inches", INCHES), ("half millimetres", HALF_MILLIMETRES)):
            drawn = [with_ruler(one, 14.0, 10, marks=marks, seed=n) for n, one in enumerate(skins)]
            every = [read_ruler(one) for one in drawn]
            right = [
                isinstance(one, NoScale) or abs(one.mm_per_pixel * 14 - 1) < 0.01 for one in every
            ]
            refused = sum(isinstance(one, NoScale) for one in every)
            rows.append(
                (what, f"refused {interval(refused, len(every))}, wrong {right.count(False)}")
            )
            assert all(right)
        bare = [*skins, *(read(path) for path in real("dermoscopy", half))]
        false = sum(isinstance(read_ruler(one), Scale) for one in bare)
        rows.append(("no ruler", f"a scale all the same {interval(false, len(bare))}"))
        report.append(table(f"Rulers drawn over real skin, half {name}", rows))
        print("\n" + report[-1])
        assert false == 0
        assert max(max(all_) for all_ in wrong.values()) <= 0.01
    (artefacts / "photograph-rulers.txt").write_text("\n".join(report))
