"""Conversion of every kind of file, judged by validators, other readers and the source's pixels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slides.convert import Request, convert
from slides.open import open_slide
from tests.samples import real_samples
from tests.slides.converted import ALLOWED, complaints, psnr, stored
from tests.slides.expected import SLIDES
from tests.slides.judging import deep_zoom_is_right, level_0_is_right, picture_level
from tests.slides.kinds import KINDS, MPP_UM
from tiles.plan import Action
from tiles.pyramid import Box
from tiles.source import Pixels


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_files_become_dicom_with_the_right_pixels(name: str, tmp_path: Path) -> None:
    path = KINDS[name].make(tmp_path / name)
    reference = picture_level(path)
    report = convert(path, tmp_path / "out", Request(mpp_um=MPP_UM))
    assert report.plan.levels[0].action is KINDS[name].action
    assert complaints(tmp_path / "out") == []
    level_0_is_right(tmp_path / "out", report, reference, KINDS[name].tolerance)
    deep_zoom_is_right(stored(tmp_path / "out"))
    kept = convert(path, tmp_path / "kept", Request(levels="source", mpp_um=MPP_UM))
    assert complaints(tmp_path / "kept") == []
    level_0_is_right(tmp_path / "kept", kept, reference, KINDS[name].tolerance)


def _opened() -> Iterator[tuple[str, Path]]:
    """The name and place of each real file that opens; of one slide's many files the first."""
    folder = real_samples()
    seen = set()
    for row, expected in SLIDES.items():
        if folder is None or expected.outcome != "opened":
            continue
        for path in sorted(folder.glob(row)):
            named = path.relative_to(folder).as_posix()
            if named != row and named in SLIDES:
                continue
            with open_slide(path) as slide:
                first = (slide.files[0], slide.source.pyramid)
            if path.is_file() and first not in seen:
                seen.add(first)
                yield named, path


# Headers that say RGB of frames that are YCbCr by their own JFIF marker: OpenSlide believes the
# header and shows what no eye takes for tissue.
LYING = ("dicom-wsi/cmu-1-small-region-12-levels/",)


def is_tissue_nevertheless(out: Path, shown: Pixels) -> str:
    """Judge level 0 by the components that another reader shows for colours."""
    expected = np.asarray(Image.fromarray(shown, "YCbCr").convert("RGB"))
    height, width = expected.shape[:2]
    assert psnr(stored(out).pixels(0, Box(0, 0, width, height)), expected) > 45
    return "right, where OpenSlide shows YCbCr as RGB"


def test_every_file_that_opens_converts(tmp_path: Path, artefacts: Path) -> None:
    files = list(_opened())
    if real_samples() is None:
        chosen = ("rgb.svs", "33003.svs", "grey.tif", "a.ome.tif", "a.bif")
        files = [(name, KINDS[name].make(tmp_path / name)) for name in chosen]
    rows = []
    wrong = {}
    for number, (name, path) in enumerate(files):
        out = tmp_path / str(number)
        with open_slide(path) as slide:
            asked = None if slide.facts.mpp_um else MPP_UM
        report = convert(path, out, Request(mpp_um=asked))
        if found := complaints(out):
            wrong[name] = found
        reference = picture_level(path)
        if name.startswith(LYING):
            judged = is_tissue_nevertheless(out, reference)
        else:
            judged = level_0_is_right(out, report, reference)
        deep_zoom_is_right(stored(out))
        base, *others = report.plan.levels
        plan = f"{base.action} ({base.reason}), {len(others)} levels {Action.DERIVE}d"
        spacing = "--mpp" if asked else "stated"
        rows.append(f"| {name} | converted | {judged} | {spacing} | {plan} |")
    head = "| file | outcome | level 0 | spacing | plan |\n|---|---|---|---|---|\n"
    allowed = f"\nAllowed of the validators: {', '.join(ALLOWED)}.\n"
    refused = [
        f"| {row} | refused: {expected.phrase} | | | |"
        for row, expected in SLIDES.items()
        if real_samples() is not None and expected.outcome != "opened"
    ]
    table = head + "\n".join(rows + refused) + "\n" + allowed
    (artefacts / "formats.md").write_text(table, "utf-8")
    assert wrong == {}
    assert len(rows) == len(files) >= 5
