from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from archive.errors import InvalidIdentity
from archive.identity import (
    PatientIdentity,
    read_birth_date,
    study_instance_uid,
    study_instance_uid_without_order,
    uid_from,
)

PARTS = st.lists(st.text(), max_size=6)


@given(PARTS)
def test_a_uid_is_valid_and_deterministic(parts: list[str]) -> None:
    uid = uid_from(*parts)
    assert UID(uid).is_valid
    # All of one length, so that the length of a header is known before its UIDs are.
    assert len(uid) == 44
    assert uid == uid_from(*parts)
    number = int(uid.removeprefix("2.25."))
    # RFC 9562: version 8 (from one's own digest), variant 10.
    assert (number >> 76) & 0xF == 8
    assert (number >> 62) & 0b11 == 0b10


@given(PARTS, PARTS)
def test_uids_of_different_parts_differ(first: list[str], second: list[str]) -> None:
    assert (uid_from(*first) == uid_from(*second)) == (first == second)


@given(st.text(min_size=1), st.integers(0, 20), st.integers(0, 20))
def test_cutting_the_parts_elsewhere_gives_another_uid(text: str, one: int, other: int) -> None:
    one, other = min(one, len(text)), min(other, len(text))
    same = uid_from(text[:one], text[one:]) == uid_from(text[:other], text[other:])
    assert same == (one == other)


def test_a_uid_does_not_change_with_the_software() -> None:
    assert uid_from("a", "bc") == "2.25.254794481027915014628630796206766392311"
    assert uid_from("ab", "c") != uid_from("a", "bc")


def test_study_uids_of_orders_and_of_files_never_meet() -> None:
    patient = PatientIdentity("1", "A")
    uids = {
        study_instance_uid("H", "A", "1"),
        study_instance_uid("H", None, "1"),
        study_instance_uid("G", "A", "1"),
        study_instance_uid_without_order("H", patient, "1"),
        study_instance_uid_without_order("H", None, "1"),
        study_instance_uid_without_order("H", PatientIdentity("1", "B"), "1"),
    }
    assert len(uids) == 6


def test_an_identity_is_trimmed_and_composed() -> None:
    patient = PatientIdentity(" 123 ", "CHU ", "NOE\u0308L^ANNE")
    assert patient == PatientIdentity("123", "CHU", "NO\u00cbL^ANNE")


@pytest.mark.parametrize(
    "traits",
    [
        {"patient_id": ""},
        {"patient_id": "  "},
        {"patient_id": "secret" * 11},
        {"patient_id": "secret\\1"},
        {"patient_id": "secret\n1"},
        {"patient_id": "secret\udcff"},
        {"patient_id": "1", "issuer": "secret\x00"},
        {"patient_id": "1", "name": "secret" * 11},
        {"patient_id": "1", "name": "secret^^^^^"},
        {"patient_id": "1", "name": "secret=b=c=d"},
        {"patient_id": "1", "sex": "secret"},
    ],
)
def test_what_dicom_cannot_carry_is_refused_without_repeating_it(traits: dict[str, Any]) -> None:
    with pytest.raises(InvalidIdentity) as refused:
        PatientIdentity(**traits)
    assert "secret" not in str(refused.value)


@given(st.text(max_size=80))
def test_an_accepted_number_fits_dicom(text: str) -> None:
    try:
        patient = PatientIdentity(text)
    except InvalidIdentity:
        return
    assert 0 < len(patient.patient_id) <= 64
    assert "\\" not in patient.patient_id
    assert patient.patient_id == patient.patient_id.strip()
    assert PatientIdentity(patient.patient_id) == patient


def test_the_representation_of_a_patient_shows_no_trait() -> None:
    assert repr(PatientIdentity("123", "CHU", "DOE^ANNE")) == "PatientIdentity(…)"


@given(st.dates())
def test_a_birth_date_is_read_as_dicom_writes_it(day: date) -> None:
    assert read_birth_date(day.isoformat().replace("-", "")) == day


@pytest.mark.parametrize(
    "text", ["1970111", "19701301", "1970-01-01", "0000101", "١٩٧٠٠١٠١", "19700131x"]
)
def test_a_birth_date_is_not_guessed(text: str) -> None:
    with pytest.raises(InvalidIdentity) as refused:
        read_birth_date(text)
    assert text not in str(refused.value)


def test_no_birth_date_is_none() -> None:
    assert read_birth_date(" ") is None
