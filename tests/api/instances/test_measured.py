"""Measured light that others send is seen: not nearly black, and each light in its colour."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.uid import UID

from api.instances.kinds import PHOTOGRAPHIC
from api.work import Workplace
from tests.api.conftest import Web
from tests.api.instances.conftest import PATIENT, Take
from tests.samples.dicom_planes import Cut, smooth, write_stack
from tiles.composite import WINDOW_PERCENTILES, Channel


def sent(folder: Path, cut: Cut, paths: int = 2) -> list[Path]:
    """A slide of so many lights, in values of 12 bits, that somebody sends."""
    stack = smooth(paths, 1, 320, 200, np.uint16)
    files = write_stack(folder, "stack", stack, cut)
    for file in files:
        header = dcmread(file)
        for keyword, value in PATIENT.items():
            setattr(header, keyword, value)
        header.save_as(file, enforce_file_format=True)
    return files


def rendered(web: Web, where: str) -> NDArray[Any]:
    answer = web.get(f"{where}/rendered", headers={"accept": "image/png"})
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize(
    "cut",
    [
        Cut(),
        Cut("JPEG-LS"),
        Cut("implicit"),
        Cut(sparse=True, without=frozenset({0, 7})),
        Cut(parts=2),
    ],
    ids=["native", "JPEG-LS", "implicit", "sparse", "in parts"],
)
def test_each_light_is_seen_in_its_window_and_colour(
    web: Web, take: Take, place: Workplace, tmp_path: Path, cut: Cut
) -> None:
    outcomes = [take(one) for one in sent(tmp_path, cut)]
    assert [one.failure for one in outcomes] == [None] * cut.parts
    image = place.catalog.image(str(outcomes[0].image_id), establishment="north")
    channels = [Channel(**one) for one in image.facts["channels"]]
    assert [one.name for one in channels] == ["Dye 0", "Dye 1"]
    assert len({tuple(one.colour) for one in channels}) == 2
    if cut.parts > 1:
        # The first part holds the first light alone; of the other all there may be is shown.
        assert (channels[1].low, channels[1].high) == (0, 65535)
        channels = channels[:1]
    for number, one in enumerate(channels):
        values = smooth(2, 1, 320, 200, np.uint16)[number]
        low, high = np.percentile(values, WINDOW_PERCENTILES)
        assert abs(one.low - low) < 80
        assert abs(one.high - high) < 80
    first = outcomes[0]
    series = f"{first.study_instance_uid}/series/{first.series_instance_uid}"
    where = f"/dicomweb/studies/{series}/instances/{first.sop_instance_uid}"
    if cut.parts == 1:
        assert rendered(web, where).max() > 200


def test_a_grey_photograph_of_sixteen_bits_is_seen(web: Web, take: Take, tmp_path: Path) -> None:
    (file,) = sent(tmp_path, Cut(tile=320), paths=1)
    header = dcmread(file)
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = UID(PHOTOGRAPHIC)
    for keyword in ("TotalPixelMatrixRows", "TotalPixelMatrixColumns", "DimensionOrganizationType"):
        delattr(header, keyword)
    header.save_as(file, enforce_file_format=True)
    outcome = take(file)
    assert outcome.failure is None, outcome.reason
    series = f"{outcome.study_instance_uid}/series/{outcome.series_instance_uid}"
    where = f"/dicomweb/studies/{series}/instances/{outcome.sop_instance_uid}"
    whole, frame = rendered(web, where), rendered(web, f"{where}/frames/1")
    # Its light is blue, a frame grey.
    assert whole.max() == frame.max() == 255
    assert np.abs(whole.max(axis=2).astype(int) - frame[..., 0]).mean() < 3
