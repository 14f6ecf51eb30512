"""A lesion's greatest diameter: exact where the border is clear, else refused with a reason."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermato.border import Diameter, NoDiameter, Outline, Why, find_diameter, outline
from dermato.ruler import Scale, read_ruler
from tests.dermato.halves import Picture, dermoscopy, interval, read, real, table
from tests.dermato.made_lesions import Look, bare, with_lesion
from tests.dermato.rulers import with_ruler

WIDTH, HEIGHT = 800, 600
LOOKS = {
    "small, 120 px": Look(120, 1.5, 0.5),
    "dark, 200 px": Look(200, 2.0, 0.6),
    "pale, 300 px": Look(300, 3.0, 0.35),
    "very pale, 200 px": Look(200, 3.0, 0.2),
    "soft border": Look(300, 6.0, 0.5),
    "very soft border": Look(350, 10.0, 0.45),
    "under hair": Look(250, 3.0, 0.5, hair=True),
    "in a round field": Look(250, 3.0, 0.5, round_field=True),
}
PEN_MARKS = {"PAT_1245_844_471.png"}
"""Where the corner of a picture shows no bare skin."""


def length_px(found: Diameter) -> float:
    (x1, y1), (x2, y2) = found.start, found.end
    return float(np.hypot(x2 - x1, y2 - y1))


def skin() -> Picture:
    return bare(dermoscopy(1, WIDTH), WIDTH, HEIGHT)


@pytest.mark.parametrize("name", ["dark, 200 px", "soft border", "under hair", "in a round field"])
def test_the_greatest_diameter_is_found_within_its_uncertainty(name: str) -> None:
    made = with_lesion(skin(), LOOKS[name], seed=len(name))
    found = find_diameter(made.pixels)
    assert isinstance(found, Diameter)
    off = abs(length_px(found) - made.diameter_px)
    assert off < 0.05 * made.diameter_px
    assert off < 2 * 2**0.5 * found.marking_px
    assert found == find_diameter(made.pixels.copy())


def test_a_ruler_beside_the_lesion_is_none_of_it() -> None:
    made = with_lesion(skin()[:420], Look(200), seed=3)
    beside = with_ruler(np.ascontiguousarray(skin()[420:]), 11.3, 2, length_mm=45, seed=3)
    both = np.concatenate([made.pixels, beside])
    found, scale = find_diameter(both), read_ruler(both)
    assert isinstance(found, Diameter)
    assert isinstance(scale, Scale)
    assert length_px(found) * scale.mm_per_pixel == pytest.approx(made.diameter_px / 11.3, rel=0.02)


def test_ends_are_those_of_the_full_picture() -> None:
    made = with_lesion(skin(), Look(200), seed=1)
    small, large = (
        find_diameter(np.asarray(cv2.resize(made.pixels, None, fx=by, fy=by), np.uint8))
        for by in (1.0, 3.0)
    )
    assert isinstance(small, Diameter)
    assert isinstance(large, Diameter)
    assert length_px(large) == pytest.approx(3 * length_px(small), rel=0.01)
    assert large.marking_px == pytest.approx(3 * small.marking_px, rel=0.2)


def test_what_is_not_one_clear_lesion_is_refused_with_a_reason() -> None:
    one = skin()
    assert isinstance(find_diameter(one), NoDiameter)
    half = np.concatenate([one[:, : WIDTH // 2], with_lesion(one, Look(300), 2).pixels], axis=1)
    cut = np.ascontiguousarray(half[:, WIDTH:][:, : WIDTH // 2 - 20])
    assert find_diameter(cut) == NoDiameter(Why.TOUCHES_THE_EDGE)
    left, right = (with_lesion(one[:, : WIDTH // 2], Look(140), seed).pixels for seed in (1, 2))
    assert find_diameter(np.concatenate([left, right], axis=1)) == NoDiameter(Why.SEVERAL)


@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(1, 140),
    columns=st.integers(1, 140),
    samples=st.sampled_from([1, 3]),
    level=st.integers(0, 255),
)
def test_pictures_of_nothing_have_no_lesion(
    rows: int, columns: int, samples: int, level: int
) -> None:
    flat = np.full((rows, columns, samples), level, np.uint8)
    assert find_diameter(flat) == NoDiameter(Why.NOT_CLEAR)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_figures_of_diameters(artefacts: Path) -> None:
    named = [
        path for path in [*real("dermoscopy"), *real("clinical")] if path.name not in PEN_MARKS
    ]
    skins = [bare(read(path), WIDTH, HEIGHT) for path in named]
    rows, inside, of = [], 0, 0
    for number, (name, look) in enumerate(LOOKS.items()):
        wrong, within = [], 0
        for seed, one in enumerate(skins):
            made = with_lesion(one, look, seed=100 * number + seed)
            found = find_diameter(made.pixels)
            if isinstance(found, Diameter):
                off = abs(length_px(found) - made.diameter_px)
                wrong.append(off / made.diameter_px)
                within += off <= 2 * 2**0.5 * found.marking_px
        middle, most = 100 * np.percentile(wrong, (50, 95))
        told = f"proposed {len(wrong)} of {len(skins)}, error median {middle:.2f} %, "
        told += f"95 % below {most:.2f} %, within twice the uncertainty {within}"
        rows.append((name, told))
        inside, of = inside + within, of + len(wrong)
    rows.append(("all, within twice the uncertainty", interval(inside, of)))
    rows += [(path.name, _told(outline(read(path)))) for path in named]
    report = table("Lesions drawn over real skin, and the real ones", rows)
    print("\n" + report)
    (artefacts / "photograph-diameters.txt").write_text(report)
    _sheet([read(path) for path in named], artefacts / "photograph-diameters.png")
    assert inside >= 0.95 * of


def _told(found: Outline | NoDiameter) -> str:
    if isinstance(found, NoDiameter):
        return str(found.why)
    one = found.diameter
    return f"{length_px(one):.0f} ± {2**0.5 * one.marking_px:.0f} px"


def _sheet(pictures: list[Picture], path: Path) -> None:
    """What was found of the pictures, drawn over them, to be looked at."""
    shown = []
    for picture in pictures:
        drawn, found = picture.copy(), outline(picture)
        if isinstance(found, Outline):
            thick = max(1, picture.shape[1] // 250)
            border = [np.round(found.points).astype(np.int32)]
            cv2.polylines(drawn, border, True, (0, 255, 0), thick)
            start, end = np.round([found.diameter.start, found.diameter.end]).astype(int).tolist()
            cv2.line(drawn, start, end, (255, 255, 0), thick)
        small = np.asarray(cv2.resize(drawn, (320, 240)), np.uint8)
        cv2.putText(small, _told(found)[:30], (4, 14), 0, 0.45, (255, 0, 0), 1, cv2.LINE_AA)
        shown.append(small)
    shown += [np.zeros_like(shown[0])] * (-len(shown) % 5)
    lines = [np.concatenate(shown[at : at + 5], axis=1) for at in range(0, len(shown), 5)]
    assert cv2.imwrite(str(path), np.concatenate(lines)[..., ::-1])
