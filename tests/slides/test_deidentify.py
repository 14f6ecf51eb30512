"""What is written under --deidentify tells nothing of whose it was, in any byte of any file."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from pydicom import dcmread
from pydicom.dataset import Dataset

from slides.convert import Request, convert
from slides.deidentify import Pseudonyms, Unremarked, anonymous, cleaned
from slides.metadata import Decided, Metadata, decide, sources
from slides.open import open_slide
from slides.slide import Channel, Code, Facts
from tests.samples import real_samples, sample, vendors
from tests.samples.slide import make_slide, small_svs
from tests.samples.tissue import display_profile
from tests.slides.converted import complaints
from tiles.colour import as_input_profile, without_texts
from tiles.remarks import without_remarks
from tiles.source import Encoding, Frame, frames_in_order

KEY = "a secret of this test"
BARCODE = "SV24-00041;1"
IDENTIFYING = {
    "patient_id": "IPP-90017",
    "patient_name": "MARTINEAU^CLOTILDE",
    "birth_date": "19451127",
    "sex": "F",
    "accession_number": "24P77123",
    "container_identifier": "GLASS-5521",
    "specimen_identifier": "SPEC-8830",
    "specimen_description": "Punch du bras de Mme M.",
    "block_identifier": "BLOCK-3321",
    "serial_number": "SERIAL-7719",
    "software": "Ward 7 build of Dr Smith",
    "acquired_at": "2023-11-05T16:17:18+01:00",
    "study_at": "2023-11-04T08:09:10+01:00",
    "study_instance_uid": "1.2.3.4445556667",
    "stain": "HES|IHC-Clotilde|77^99LOCAL^Clotilde stain",
}
# What may be read in no output: the words above and the slide's own, in all their forms.
WORDS = (
    "IPP-90017",
    "MARTINEAU",
    "CLOTILDE",
    "19451127",
    "1945-11-27",
    "24P77123",
    "GLASS-5521",
    "SPEC-8830",
    "Mme M",
    "BLOCK-3321",
    "SERIAL-7719",
    "Ward 7",
    "20231105",
    "2023-11-05",
    "161718",
    "20231104",
    "080910",
    "1.2.3.4445556667",
    "SV24-00041",
    "SANSVERRE41",
    "20240314",
    "092653",
    "sample-41",
    "secret-file-name",
    "99LOCAL",
    KEY,
)


def words_in(folder: Path) -> list[tuple[str, str]]:
    """Every identifying word in a name or a byte of a file below a folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        data = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        for word in WORDS:
            forms = {word.encode(), word.lower().encode(), word.encode("utf-16-le")}
            if any(form in data or form in data.lower() for form in forms):
                found.append((path.name, word))
    return found


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("named") / "secret-file-name.svs"
    return make_slide(path, 700, 500, seed=41, mpp=0.5, icc=True)


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("metadata") / "metadata.json"
    path.write_text(json.dumps(IDENTIFYING), "utf-8")
    return path


def headers(out: Path) -> list[Dataset]:
    return [dcmread(path, stop_before_pixels=True) for path in sorted(out.glob("*.dcm"))]


def test_the_words_are_there_where_nothing_was_asked_for(
    slide: Path, metadata: Path, tmp_path: Path
) -> None:
    convert(slide, tmp_path / "out", Request(metadata=metadata))
    assert {"IPP-90017", "24P77123", "SPEC-8830"} < {word for _, word in words_in(tmp_path)}
    convert(slide, tmp_path / "plain", Request())
    assert {"SV24-00041", "SANSVERRE41"} <= {word for _, word in words_in(tmp_path / "plain")}


@pytest.mark.parametrize("label", ["keep", "blank", "drop"])
@pytest.mark.parametrize("to", ["dicom", "zarr", "both"])
@pytest.mark.parametrize("said", [True, False])
def test_no_byte_tells_whose_it_was(
    slide: Path, metadata: Path, tmp_path: Path, to: Any, label: Any, said: bool
) -> None:
    request = Request(
        to=to, label=label, metadata=metadata if said else None, deidentify=KEY, verify=True
    )
    report = convert(slide, tmp_path / "out", request)
    assert words_in(tmp_path / "out") == []
    told = json.dumps(report.as_json()["described"])
    assert [word for word in WORDS if word in told] == []
    if to == "zarr":
        return
    assert complaints(tmp_path / "out") == []
    for header in headers(tmp_path / "out"):
        assert header.PatientIdentityRemoved == "YES"
        assert header.BurnedInAnnotation == "NO"
        assert header.LongitudinalTemporalInformationModified == "REMOVED"
        methods = [item.CodeValue for item in header.DeidentificationMethodCodeSequence]
        assert methods == ["113100", "113101", "113104"]
    for path in (tmp_path / "out").glob("*.dcm"):
        image = dcmread(path)
        if image.ImageType[2] != "VOLUME":
            assert zxingcpp.read_barcodes(np.ascontiguousarray(image.pixel_array)) == []


# PS3.15 Table E.1-1: the Basic Profile's action for what a slide may hold. X: removed, Z: empty or
# a dummy, D: a dummy, U: another UID.
ACTIONS = {
    "AccessionNumber": "Z",
    "AcquisitionComments": "X",
    "AcquisitionDate": "X",
    "AcquisitionDateTime": "D",
    "AcquisitionTime": "X",
    "BarcodeValue": "Z",
    "ContainerDescription": "X",
    "ContainerIdentifier": "D",
    "ContentDate": "D",
    "ContentTime": "D",
    "DerivationDescription": "X",
    "DeviceSerialNumber": "D",
    "DeviceUID": "U",
    "FrameOfReferenceUID": "U",
    "ImageComments": "X",
    "InstanceCreationDate": "X",
    "InstanceCreationTime": "X",
    "InstanceCreatorUID": "U",
    "InstitutionName": "X",
    "IssuerOfAccessionNumberSequence": "X",
    "IssuerOfPatientID": "X",
    "LabelText": "Z",
    "OperatorsName": "X",
    "OtherPatientIDsSequence": "X",
    "PatientBirthDate": "Z",
    "PatientID": "Z",
    "PatientName": "Z",
    "PatientSex": "Z",
    "PyramidUID": "U",
    "ReferringPhysicianName": "Z",
    "SeriesDate": "X",
    "SeriesDescription": "X",
    "SeriesInstanceUID": "U",
    "SOPInstanceUID": "U",
    "SpecimenDetailedDescription": "X",
    "SpecimenIdentifier": "D",
    "SpecimenShortDescription": "X",
    "SpecimenUID": "U",
    "StationName": "X",
    "StudyDate": "Z",
    "StudyDescription": "X",
    "StudyID": "Z",
    "StudyInstanceUID": "U",
    "StudyTime": "Z",
    "TimezoneOffsetFromUTC": "X",
}


def test_every_attribute_had_the_profiles_action(
    slide: Path, metadata: Path, tmp_path: Path
) -> None:
    named = Request(metadata=metadata, label="blank")
    convert(slide, tmp_path / "named", named)
    convert(slide, tmp_path / "out", Request(metadata=metadata, label="blank", deidentify=KEY))
    seen = set()
    for before, after in zip(headers(tmp_path / "named"), headers(tmp_path / "out"), strict=True):
        values = {element.keyword: str(element.value) for element in before.iterall()}
        for element in after.iterall():
            assert not element.tag.is_private
            action = ACTIONS.get(element.keyword)
            if action is None:
                continue
            seen.add(action)
            assert action != "X", element.keyword
            if action == "D":
                assert element.value
            if str(element.value):
                assert str(element.value) != values.get(element.keyword), element.keyword
    assert seen == {"D", "U", "Z"}


def test_pseudonyms_hold_a_collection_together_and_another_key_makes_others(
    slide: Path, metadata: Path, tmp_path: Path
) -> None:
    second = make_slide(tmp_path / "b.svs", 300, 260, seed=42, mpp=0.5)
    found = []
    for number, (path, key) in enumerate(
        ((slide, KEY), (second, KEY), (slide, KEY), (slide, "another secret key"))
    ):
        out = tmp_path / str(number)
        convert(path, out, Request(metadata=metadata, deidentify=key))
        found.append(dcmread(out / "level-0.dcm", stop_before_pixels=True))
    one, other, again, apart = found
    for keyword in ("StudyInstanceUID", "PatientID", "ContainerIdentifier"):
        assert one[keyword].value == other[keyword].value
        assert one[keyword].value != apart[keyword].value
    assert one.SOPInstanceUID == again.SOPInstanceUID
    assert len({one.SOPInstanceUID, other.SOPInstanceUID, apart.SOPInstanceUID}) == 3
    assert (tmp_path / "0" / "level-0.dcm").read_bytes() == (
        tmp_path / "2" / "level-0.dcm"
    ).read_bytes()


def test_what_science_needs_stays(slide: Path, metadata: Path, tmp_path: Path) -> None:
    convert(slide, tmp_path / "out", Request(metadata=metadata, deidentify=KEY))
    header = dcmread(tmp_path / "out" / "level-0.dcm", stop_before_pixels=True)
    steps = header.SpecimenDescriptionSequence[0].SpecimenPreparationSequence
    stains = [
        item.ConceptCodeSequence[0].CodeMeaning
        for step in steps
        for item in step.SpecimenPreparationStepContentItemSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Using substance"
    ]
    assert stains == ["hematoxylin stain", "water soluble eosin stain", "saffron stain"]
    assert header.Manufacturer == "Aperio"
    assert header.OpticalPathSequence[0].ObjectiveLensPower == 20


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_pseudonyms_are_one_to_one_and_fit(kind: str, one: str, other: str) -> None:
    names = Pseudonyms(KEY)
    assert (names.of(kind, one) == names.of(kind, other)) == (one == other)
    assert names.of(kind, one) != names.of(f"{kind} ", one)
    assert len(names.of(kind, one)) <= 16
    assert KEY not in repr(names)


def test_a_code_loses_the_meaning_somebody_wrote() -> None:
    stain = Code("12710003", "SCT", "hematoxylin of Mme Martineau")
    said = decide([("--metadata", Metadata(stains=(stain, "IHC")))])
    assert anonymous(said, KEY).metadata.stains == (Code("12710003", "SCT", "hematoxylin stain"),)
    assert anonymous(Decided(Metadata(), {}), KEY).origins == {}
    facts = Facts("svs", barcodes=(BARCODE,))
    hidden = anonymous(decide(sources(facts)), KEY)
    assert hidden.origins == {"container_identifier": "scanner's header"}


def test_channels_lose_the_names_somebody_gave_them(slide: Path) -> None:
    with open_slide(slide) as opened:
        channel = Channel("Clotilde's DAPI", fluorescent=True, excitation_nm=358)
        named = replace(opened, facts=replace(opened.facts, channels=(channel,)))
        quiet = cleaned(named).facts
    assert quiet.channels == (replace(channel, name=""),)
    assert (quiet.barcodes, quiet.label_barcodes) == ((), ())


PIXELS = vendors.picture(64, 48)
EXIF = b"\xff\xe1\x00\x16Exif\0\0CLOTILDE 2023!"
NOTE = b"\xff\xfe\x00\x0bCLOTILDE\x00"


def remarked_jpeg() -> bytes:
    plain = simplejpeg.encode_jpeg(PIXELS, 90, "RGB", "444")
    return bytes(plain[:2] + NOTE + plain[2:20] + EXIF + plain[20:] + b"CLOTILDE")


def test_a_jpeg_tile_keeps_its_pixels_and_loses_its_remarks() -> None:
    told = remarked_jpeg()
    quiet = without_remarks(Frame(told, Encoding.JPEG_BASELINE)).data
    assert b"CLOTILDE" not in quiet
    assert np.array_equal(simplejpeg.decode_jpeg(quiet), simplejpeg.decode_jpeg(told))
    clean = simplejpeg.encode_jpeg(PIXELS, 90, "RGB", "444")
    assert quiet == clean
    assert without_remarks(Frame(quiet, Encoding.JPEG_BASELINE)).data == quiet


@pytest.mark.parametrize("in_tile_part", [False, True])
def test_a_jpeg_2000_tile_keeps_its_pixels_and_loses_its_remarks(in_tile_part: bool) -> None:
    plain = bytes(imagecodecs.jpeg2k_encode(PIXELS, codecformat="j2k", reversible=True))
    note = b"\xff\x64\x00\x0c\x00\x01CLOTILDE"
    at = plain.index(b"\xff\x90")
    if in_tile_part:
        length = int.from_bytes(plain[at + 6 : at + 10], "big") + len(note)
        start = plain[at : at + 6] + length.to_bytes(4, "big") + plain[at + 10 : at + 12]
        told = plain[:at] + start + note + plain[at + 12 :]
    else:
        told = plain[:at] + note + plain[at:]
    quiet = without_remarks(Frame(told + b"CLOTILDE", Encoding.JPEG_2000)).data
    assert b"CLOTILDE" not in quiet
    assert np.array_equal(imagecodecs.jpeg2k_decode(quiet), PIXELS)


def test_other_codestreams_are_passed_on() -> None:
    frame = Frame(b"CLOTILDE", Encoding.RAW)
    assert without_remarks(frame) is frame


def test_tiles_that_are_copied_lose_their_remarks(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tiles = [remarked_jpeg()] * 4
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            iter(tiles),
            shape=(96, 128, 3),
            dtype=np.uint8,
            tile=(48, 64),
            photometric="ycbcr",
            compression="jpeg",
            subsampling=(1, 1),
            metadata=None,
        )
    request = Request(mpp_um=(0.5, 0.5), deidentify=KEY, verify=True, levels="source")
    report = convert(path, tmp_path / "out", request)
    assert report.plan.levels[0].action == "copy"
    assert words_in(tmp_path / "out") == []
    with open_slide(path) as opened:
        one_by_one = Unremarked(opened.source).frame(0, 1, 1)
        in_order = list(frames_in_order(Unremarked(opened.source), 0, range(2), range(2)))
        assert one_by_one == in_order[3]


def lut_profile() -> bytes:
    """A version 4 profile with a table, as scanners have them."""
    lab = ImageCms.createProfile("LAB")
    return ImageCms.ImageCmsProfile(lab).tobytes()


@pytest.mark.parametrize("profile", [display_profile(), lut_profile()], ids=["curves", "table"])
def test_a_profile_keeps_its_transform_and_loses_its_texts(profile: bytes) -> None:
    quiet = without_texts(profile)
    assert quiet is not None
    assert int.from_bytes(quiet[:4], "big") == len(quiet)
    opened = ImageCms.ImageCmsProfile(io.BytesIO(quiet))
    assert "colour of the scanner" in ImageCms.getProfileDescription(opened)
    assert without_texts(quiet) == quiet
    assert as_input_profile(quiet) is not None
    if opened.profile.xcolor_space.strip() != "RGB":
        return
    srgb = ImageCms.createProfile("sRGB")
    before = ImageCms.buildTransform(io.BytesIO(profile), srgb, "RGB", "RGB")
    after = ImageCms.buildTransform(io.BytesIO(quiet), srgb, "RGB", "RGB")
    picture = Image.fromarray(PIXELS)
    assert np.array_equal(
        np.asarray(ImageCms.applyTransform(picture, before)),
        np.asarray(ImageCms.applyTransform(picture, after)),
    )


@given(st.binary(max_size=300))
def test_bytes_that_are_no_profile_give_none_or_a_profile(data: bytes) -> None:
    head = data[:36] + b"acsp" + data[40:]
    for one in (data, head):
        quiet = without_texts(one)
        assert quiet is None or quiet[36:40] == b"acsp"


def test_a_real_slide_tells_nothing(tmp_path: Path) -> None:
    source = sample("wsi/aperio/CMU-1-Small-Region.svs", small_svs)
    convert(source, tmp_path / "out", Request(deidentify=KEY))
    assert complaints(tmp_path / "out") == []
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    own = (b"CPAPERIOCS", b"CMU-1", b"20091229") if real_samples() else (b"SV24-00001",)
    assert [word for word in own if word in everything] == []
