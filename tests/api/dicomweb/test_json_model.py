"""Metadata is the DICOM JSON Model (PS3.18, F), whatever a header holds."""

import json
import warnings

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from api.dicomweb.json_model import header_json


def test_odd_values_are_written_as_the_standard_has_them() -> None:
    header = Dataset()
    header.PatientName = "FAUX^Anne"
    header.OtherPatientNames = ["A^B", "", "C"]
    header.PatientBirthDate = ""
    header.ImageType = ["ORIGINAL", "", "VOLUME"]
    header.LossyImageCompressionRatio = ["0.1", ""]
    header.RecommendedDisplayFrameRateInFloat = float("nan")
    header.FrameIncrementPointer = 0x00181063
    header.ICCProfile = bytes(12)
    header.SpecimenDescriptionSequence = Sequence([Dataset()])
    header.add_new(0x00091001, "UN", b"private")
    told = json.loads(json.dumps(header_json(header, "u"), allow_nan=False))
    assert told["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "FAUX^Anne"}]}
    assert told["00101001"]["Value"] == [{"Alphabetic": "A^B"}, None, {"Alphabetic": "C"}]
    assert told["00100030"] == {"vr": "DA"}
    assert told["00080008"]["Value"] == ["ORIGINAL", None, "VOLUME"]
    assert told["00282112"]["Value"] == [0.1, None]
    assert told["00089459"] == {"vr": "FL", "Value": ["NaN"]}
    assert told["00280009"]["Value"] == ["00181063"]
    assert told["00282000"] == {"vr": "OB", "BulkDataURI": "u/bulkdata/00282000"}
    assert told["00400560"]["Value"] == [{}]
    assert told["00091001"]["BulkDataURI"].endswith("00091001")


def test_a_number_that_is_none_is_told_as_it_is_written() -> None:
    header = Dataset()
    for keyword, vr, value in (
        ("PatientWeight", "DS", b"abcd"),
        ("AcquisitionNumber", "IS", b"1.5 "),
        ("InstanceNumber", "IS", b"007 "),
        ("PatientSize", "DS", b"1.70"),
    ):
        tag = Tag(keyword)
        header._dict[tag] = RawDataElement(tag, vr, 4, value, 0, False, True)
    with warnings.catch_warnings(action="ignore"):
        told = header_json(header, "u")
    values = {tag: one.get("Value") for tag, one in told.items()}
    assert values["00101030"] == ["abcd"]
    assert values["00200012"] == ["1.5"]
    assert values["00200013"] == [7]
    assert values["00101020"] == [1.7]
