"""The label's text is taken out of every picture, or the picture is left out."""

from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from slides.convert import Request, convert
from slides.hiding import BLANK, LabelPolicy, hide_label
from slides.open import open_slide
from slides.slide import AssociatedImage
from tests.samples import real_samples, sample, slide
from tests.samples.slide import small_svs
from tests.slides.converted import complaints
from tiles.source import Encoding, Pixels

CMU = "wsi/aperio/CMU-1-Small-Region.svs"
HAMAMATSU = "wsi/hamamatsu/test3-DAPI-2-(387).ndpi"
LABEL = slide._label("SV24-00001;1")
TISSUE = (150, 90, 160)


def picture(pixels: Pixels) -> AssociatedImage:
    height, width = pixels.shape[:2]
    return AssociatedImage(width, height, Encoding.RAW, lambda: pixels)


def glass(turns: int, at_last_end: bool, standing: bool, scale: float) -> tuple[Pixels, Pixels]:
    """A macro with the label on one of its ends, and where (1) the label lies."""
    label = Image.fromarray(np.rot90(LABEL, turns))
    size = round(400 * scale), round(400 * scale)
    width, height = round(1280 * scale), round(431 * scale)
    whole = Image.new("RGB", (width, height), (228, 228, 230))
    whole.paste(TISSUE, (width * 2 // 5, height // 4, width * 3 // 5, height * 3 // 4))
    place = Image.new("L", whole.size)
    corner = (width - size[0] - 8 if at_last_end else 8, (height - size[1]) // 2)
    whole.paste(label.resize(size), corner)
    place.paste(1, (*corner, corner[0] + size[0], corner[1] + size[1]))
    macro, where = np.asarray(whole), np.asarray(place)
    # Mirrored too: as seen from the back of the glass.
    return (macro.swapaxes(0, 1), where.swapaxes(0, 1)) if standing else (macro, where)


WHEREVER = given(
    turns=st.integers(0, 3),
    at_last_end=st.booleans(),
    standing=st.booleans(),
    scale=st.sampled_from((0.5, 1.0, 2.5)),
    known=st.booleans(),
    policy=st.sampled_from(("blank", "drop")),
)


@settings(max_examples=10)
@WHEREVER
def test_a_label_is_found_wherever_it_lies_and_the_tissue_stays(
    turns: int, at_last_end: bool, standing: bool, scale: float, known: bool, policy: LabelPolicy
) -> None:
    macro, where = glass(turns, at_last_end, standing, scale)
    pictures = {"label": picture(LABEL), "macro": picture(macro)}
    beside = hide_label(pictures, "svs" if known else "tiff", policy)
    assert ("label" in beside.pictures) == (policy == "blank")
    shown = beside.pictures["macro"].pixels()
    assert (shown[where == 1] == BLANK).all()
    tissue = (macro == TISSUE).all(axis=2)
    assert np.array_equal(shown[tissue], macro[tissue])
    assert beside.pictures["macro"].cleaned


@pytest.mark.soak
@settings(max_examples=300)
@WHEREVER
def test_a_label_is_found_wherever_else_it_lies(**how: Any) -> None:
    inner = test_a_label_is_found_wherever_it_lies_and_the_tissue_stays.hypothesis.inner_test  # type: ignore[attr-defined]
    inner(**how)


def test_where_nothing_tells_the_end_both_are_blanked_or_the_macro_left_out() -> None:
    macro = np.full((400, 1200, 3), 200, np.uint8)
    blanked = hide_label({"macro": picture(macro)}, "tiff", "blank")
    shown = blanked.pictures["macro"].pixels()
    assert (shown[:, :400] == BLANK).all()
    assert (shown[:, 800:] == BLANK).all()
    assert (shown[:, 400:800] == 200).all()
    assert "not known" in blanked.done["macro"]
    dropped = hide_label({"macro": picture(macro)}, "tiff", "drop")
    assert dropped.pictures == {}
    assert dropped.done["macro"].startswith("left out")


def test_a_macro_of_which_little_would_be_left_is_left_out() -> None:
    macro = np.full((400, 480, 3), 200, np.uint8)
    beside = hide_label({"macro": picture(macro)}, "svs", "blank")
    assert beside.pictures == {}
    assert "little of it is left" in beside.done["macro"]


def test_labels_at_both_ends_leave_no_macro_behind_that_shows_one() -> None:
    macro, _ = glass(0, False, False, 1.0)
    other, _ = glass(2, True, False, 1.0)
    both = np.where(np.arange(1280)[:, None] > 640, other, macro)
    both[15:415, 500:900] = np.asarray(Image.fromarray(LABEL).resize((400, 400)))
    beside = hide_label({"label": picture(LABEL), "macro": picture(both)}, "svs", "blank")
    assert "macro" not in beside.pictures


def test_what_is_kept_is_passed_on_as_it_is() -> None:
    pictures = {"label": picture(LABEL), "macro": picture(LABEL), "thumbnail": picture(LABEL)}
    beside = hide_label(pictures, "svs", "keep")
    assert beside.pictures == {name: pictures[name] for name in ("label", "macro")}
    assert beside.done == {"label": "kept", "macro": "kept"}


@pytest.fixture(scope="module")
def source() -> Path:
    return sample(CMU, small_svs)


def headers(out: Path) -> dict[str, Dataset]:
    return {path.stem: dcmread(path, stop_before_pixels=True) for path in out.glob("*.dcm")}


@pytest.mark.parametrize("policy", ["blank", "drop"])
def test_a_converted_slide_shows_its_label_no_more(
    policy: LabelPolicy, source: Path, tmp_path: Path
) -> None:
    kept = convert(source, tmp_path / "kept", Request())
    report = convert(source, tmp_path / "out", Request(label=policy))
    assert complaints(tmp_path / "out") == []
    before, after = headers(tmp_path / "kept"), headers(tmp_path / "out")
    assert ("label" in after) == (policy == "blank")
    for name, header in after.items():
        assert header.BurnedInAnnotation == "NO"
        is_level = name.startswith("level")
        assert (header.SOPInstanceUID == before[name].SOPInstanceUID) == is_level
        assert header.get("BarcodeValue", "") == ""
    assert before["overview"].BurnedInAnnotation == "YES"
    assert set(report.beside) == set(kept.beside) == {"label", "macro"}
    with open_slide(source) as original:
        macro = original.associated["macro"].pixels()
    with openslide.OpenSlide(tmp_path / "out" / "level-0.dcm") as made:
        shown = np.asarray(made.associated_images["macro"])[..., :3]
        assert zxingcpp.read_barcodes(shown) == []
        if policy == "blank":
            label = np.asarray(made.associated_images["label"])[..., :3]
            assert (label == BLANK).all()
    height = shown.shape[0]
    assert (shown[:, :height] == BLANK).all()
    rest = slice(height + height // 8, None)
    assert np.array_equal(shown[:, rest], macro[:, rest])


def test_a_real_macro_loses_its_sticker_and_what_is_written_beside_it() -> None:
    folder = real_samples()
    if folder is None:
        macro, _ = glass(1, False, False, 1.0)
        beside = hide_label({"macro": picture(macro)}, "ndpi", "drop")
    else:
        with open_slide(folder / HAMAMATSU) as opened:
            beside = hide_label(opened.associated, opened.facts.format, "drop")
            macro = opened.associated["macro"].pixels()
    shown = beside.pictures["macro"].pixels()
    assert (shown[:, : macro.shape[0]] == BLANK).all()
    assert np.array_equal(shown[:, 420:], macro[:, 420:])
