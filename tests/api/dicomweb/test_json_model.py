"""Metadata is the DICOM JSON Model (PS3.18, F), whatever a header holds."""

import json

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

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
