"""The header of a photograph with all that is stated of it, judged by a validator."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from archive.body_site import BodySite, Side, Sides, body_sites, site_of_code
from archive.capture import (
    LOCATING,
    Capture,
    Contact,
    Dermoscopy,
    Immersion,
    Operator,
    Polarization,
    View,
)
from archive.errors import InvalidCapture, InvalidIdentity, InvalidSite
from archive.identity import PatientIdentity
from dermato.clinical import PHOTOTYPES, Reference, Stated, Tracking
from dermato.header import DERMOSCOPIC, VL_PHOTOGRAPHIC, Context, header
from dermato.photo import Photo, open_photo
from tests.samples.photo import make_photo
from tiles.frames import InMemory, write_instance

FOREARM, FOREHEAD = site_of_code("70559009"), site_of_code("68698007")
DOCTOR = Operator("ESSAI^Élodie^^Dr", "10000000009")
STUDY, OTHER_STUDY = "2.25.1", "2.25.2"
OVERVIEW = Reference(STUDY, "2.25.11", VL_PHOTOGRAPHIC, "2.25.111")
EARLIER = Reference(OTHER_STUDY, "2.25.22", DERMOSCOPIC, "2.25.222")
LESION = Tracking("L1", "2.25.333")


@cache
def photo() -> Photo:
    with tempfile.TemporaryDirectory() as folder:
        return open_photo(make_photo(Path(folder, "photo.jpg"), width=64, height=48))


def context(stated: Stated | None) -> Context:
    return Context(
        seed=("0" * 64, "Hôpital A", STUDY, "0"),
        study_instance_uid=STUDY,
        study_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        patient=PatientIdentity("12345", "HOSPITAL", "ESSAI^Élise", date(1970, 1, 31), "F"),
        accession_number="A1",
        issuer_of_accession_number="HOSPITAL",
        stated=stated,
    )


def told(stated: Stated | None) -> Dataset:
    return header(photo(), context(stated))


def errors_of(stated: Stated | None) -> list[str]:
    """What the validator says of a whole instance."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "photo.dcm")
        found = validated(path, told(stated))
        assert dcmread(path).SOPInstanceUID == told(stated).SOPInstanceUID
    return found


def validated(path: Path, data: Dataset) -> list[str]:
    """The errors that the validator finds in an instance of this header, written there."""
    validator = Path(sys.executable).parent / "dciodvfy"
    write_instance(path, data, InMemory((photo().whole.data,)))
    ran = subprocess.run([validator, "-new", path], capture_output=True, text=True, check=False)
    return [line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith("Error")]


def capture(view: View, **more: object) -> Capture:
    return Capture(view, FOREARM, Side.LEFT, **more)  # type: ignore[arg-type]


EVERYTHING = Stated(
    capture(
        View.DERMOSCOPY,
        dermoscopy=Dermoscopy(
            Polarization.POLARIZED, Contact.CONTACT, Immersion.ULTRASOUND_GEL, 10.0, 5500.0
        ),
        phototype=3,
        mm_per_pixel=(0.0123456789123, 0.0123456789123),
        operator=DOCTOR,
    ),
    "Hôpital A",
    LESION,
    OVERVIEW,
    EARLIER,
)


@st.composite
def stated(draw: st.DrawFn) -> Stated:
    view, site = draw(st.sampled_from(View)), draw(st.sampled_from(body_sites()))
    side = draw(st.sampled_from([Side.LEFT, Side.RIGHT, Side.BOTH])) if site.is_paired else None
    contact = draw(st.none() | st.sampled_from(Contact))
    immersion = None if contact is Contact.NON_CONTACT else st.none() | st.sampled_from(Immersion)
    dermoscopy = Dermoscopy(
        draw(st.none() | st.sampled_from(Polarization)),
        contact,
        draw(immersion) if immersion is not None else None,
        draw(st.none() | st.floats(1, 1000)),
        draw(st.none() | st.floats(1000, 20000)),
    )
    spacing = st.floats(0.0001, 10)
    said = Capture(
        view,
        site,
        side,
        dermoscopy if view is View.DERMOSCOPY else None,
        draw(st.none() | st.integers(1, 6)),
        draw(st.none() | st.tuples(spacing, spacing)),
        draw(st.sampled_from([None, DOCTOR, Operator("ESSAI")])),
    )
    if view in LOCATING:
        return Stated(said, "Hôpital A")
    lesion = draw(st.none() | st.just(LESION))
    overview = draw(
        st.sampled_from([None, OVERVIEW, replace(OVERVIEW, study_instance_uid="2.25.3")])
    )
    earlier = draw(st.sampled_from([None, EARLIER, replace(EARLIER, study_instance_uid=STUDY)]))
    return Stated(said, "Hôpital A", lesion, overview, earlier if lesion else None)


@settings(max_examples=15)
@given(stated())
def test_whatever_is_stated_is_valid(said: Stated) -> None:
    assert errors_of(said) == []


@pytest.mark.soak
@settings(max_examples=300)
@given(stated())
def test_whatever_is_stated_is_valid_in_any_mixture(said: Stated) -> None:
    assert errors_of(said) == []


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("linked", [False, True])
def test_each_view_is_valid_with_nothing_and_with_everything(view: View, linked: bool) -> None:
    least = Stated(capture(view), "Hôpital A")
    most = replace(EVERYTHING, capture=replace(EVERYTHING.capture, view=view, dermoscopy=None))
    assert errors_of(most if linked else least) == []


def test_the_class_follows_from_the_view() -> None:
    for view in View:
        data = told(Stated(capture(view), "Hôpital A"))
        is_dermoscopy = view is View.DERMOSCOPY
        assert data.SOPClassUID == (DERMOSCOPIC if is_dermoscopy else VL_PHOTOGRAPHIC)
        assert data.file_meta.MediaStorageSOPClassUID == data.SOPClassUID
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        assert data.Modality == ("DMS" if is_dermoscopy else "XC")
        assert ("FrameOfReferenceUID" in data) == is_dermoscopy
        assert data.SeriesDescription


def test_everything_is_where_the_standard_has_it() -> None:
    data = told(EVERYTHING)
    (region,) = data.AnatomicRegionSequence
    assert (region.CodeValue, region.CodingSchemeDesignator) == ("70559009", "SCT")
    assert region.CodeMeaning == "Skin of anterior surface of forearm"
    assert data.ImageLaterality == "L"
    assert (data.TrackingID, data.TrackingUID) == ("L1", "2.25.333")
    (item,) = data.AcquisitionContextSequence
    assert item.ConceptNameCodeSequence[0].CodeValue == "66472-2"
    assert item.ConceptCodeSequence[0].CodeMeaning == "Fitzpatrick Skin Type III"
    assert data.LightSourcePolarization == "POLARIZED"
    assert (data.ContactMethod, data.ImmersionMedia) == ("CONTACT", "ULTRASOUND_GEL")
    assert (data.OpticalMagnificationFactor, data.EmitterColorTemperature) == (10, 5500)
    assert [float(one) for one in data.PixelSpacing] == pytest.approx([0.0123456789] * 2)
    assert data.OperatorsName == "ESSAI^Élodie^^Dr"
    (person,) = data.OperatorIdentificationSequence
    assert person.PersonIdentificationCodeSequence[0].CodeValue == DOCTOR.rpps
    assert person.InstitutionName == "Hôpital A"
    purposes = {
        one.ReferencedSOPInstanceUID: one.PurposeOfReferenceCodeSequence[0].CodeValue
        for one in data.ReferencedImageSequence
    }
    assert purposes == {"2.25.111": "121311", "2.25.222": "121348"}
    assert data.ReferencedSeriesSequence[0].SeriesInstanceUID == "2.25.11"
    (study,) = data.StudiesContainingOtherReferencedInstancesSequence
    assert study.StudyInstanceUID == OTHER_STUDY


def test_what_is_not_stated_is_not_said() -> None:
    data = told(Stated(Capture(View.DERMOSCOPY, FOREHEAD), "Hôpital A"))
    for keyword in ("PixelSpacing", "TrackingID", "TrackingUID", "OperatorsName", "ImmersionMedia"):
        assert keyword not in data
    assert data.ImageLaterality == "U"
    assert data.ContactMethod == data.LightSourcePolarization == ""
    assert data.RecognizableVisualFeatures == "NO"
    assert "AnatomicRegionSequence" not in told(None)
    assert errors_of(None) == []


def test_uids_are_functions_and_differ_between_the_classes() -> None:
    assert told(EVERYTHING).SOPInstanceUID == told(EVERYTHING).SOPInstanceUID
    assert told(EVERYTHING).FrameOfReferenceUID == told(EVERYTHING).FrameOfReferenceUID
    assert told(EVERYTHING).SOPInstanceUID != told(None).SOPInstanceUID


def test_phototypes_are_those_of_the_standard() -> None:
    assert set(PHOTOTYPES) == set(codes.CID4401.concepts.values())


def test_a_face_from_afar_may_be_recognised_and_a_mole_may_not() -> None:
    assert told(Stated(Capture(View.OVERVIEW, FOREHEAD), "A")).RecognizableVisualFeatures == "YES"
    assert "RecognizableVisualFeatures" not in told(Stated(capture(View.CLOSE_UP), "A"))


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (lambda: Capture(View.CLOSE_UP, FOREARM), "which side"),
        (lambda: Capture(View.CLOSE_UP, FOREHEAD, Side.LEFT), "leave the side out"),
        (lambda: capture(View.CLOSE_UP, phototype=7), "1 to 6"),
        (lambda: capture(View.CLOSE_UP, mm_per_pixel=(0.0, 0.1)), "mm"),
        (lambda: capture(View.CLOSE_UP, mm_per_pixel=(float("nan"), 0.1)), "mm"),
        (lambda: capture(View.OVERVIEW, dermoscopy=Dermoscopy()), "dermoscop"),
        (lambda: Dermoscopy(contact=Contact.NON_CONTACT, immersion=Immersion.WATER), "Immersion"),
        (lambda: Dermoscopy(magnification=0.0), "magnification"),
        (lambda: Operator(""), "no name"),
        (lambda: Operator("ESSAI", "10000000008"), "RPPS"),
        (lambda: Operator("A\\B"), "backslash"),
        (lambda: capture(View.TOTAL_BODY).require_lesion_allowed(), "many lesions"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(state: object, says: str) -> None:
    assert callable(state)
    with pytest.raises((InvalidCapture, InvalidSite, InvalidIdentity), match=says) as refusal:
        state()
    assert str(refusal.value).endswith(".")


def test_immersion_is_contact() -> None:
    assert Dermoscopy(immersion=Immersion.ALCOHOL).contact is Contact.CONTACT


def test_the_site_of_the_left_alone_is_of_the_left() -> None:
    (site,) = (one for one in body_sites() if one.sides is Sides.LEFT)
    assert isinstance(site, BodySite)
    assert Capture(View.CLOSE_UP, site).side is Side.LEFT
