"""The parameters of Invoke Image Display (IHE RAD-106), read from an address or a form."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time

from api.errors import BadInvocation
from api.invoke.invokers import EXPIRES, INVOKER, SIGNATURE, USER
from archive.cases.order import Numbered
from archive.invoked.asked import Asked, Bounds, PatientNumber

BARCODE = "slideBarcode"
"""Ours, beside the profile's: what stands on the label of a slide, instead of a study."""
MOST_NAMED = 50
"""Studies or orders of one request."""
_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_CODE = re.compile(r"[A-Z0-9_]{1,16}", re.ASCII)
_KNOWN = (
    *("requestType", "patientID", "studyUID", "accessionNumber", BARCODE),
    *("lowerDateTime", "upperDateTime", "mostRecentResults", "modalitiesInStudy"),
    *("keyImagesOnly", "viewerType", "diagnosticQuality"),
    *(SIGNATURE, INVOKER, USER, EXPIRES),
)
_NAMES = {one.lower(): one for one in _KNOWN}


def read_parameters(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The known parameters by name, whatever its case; what else is there means nothing.

    Raises BadInvocation for one that is said twice: of two patients, neither is meant; and for
    one that no database holds.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        known = _NAMES.get(name.strip().lower())
        if known is None:
            continue
        if known in found:
            raise BadInvocation(known)
        if "\0" in value:
            raise BadInvocation(known)
        found[known] = value.strip()
    return found


def read_asked(parameters: Mapping[str, str]) -> Asked:
    """What is asked for; raises BadInvocation naming the parameter that is missing or wrong.

    Where both a study and an accession number are given, as national reports do, the study counts.
    """
    kind = parameters.get("requestType", "").upper()
    if kind not in {"PATIENT", "STUDY"}:
        raise BadInvocation("requestType")
    patient = tuple(_patient_numbers(parameters.get("patientID", "")))
    key_images_only = parameters.get("keyImagesOnly", "").lower() == "true"
    if kind == "PATIENT":
        if not patient:
            raise BadInvocation("patientID")
        return Asked(patient, bounds=_bounds(parameters), key_images_only=key_images_only)
    studies = _listed(parameters, "studyUID")
    if not all(_UID.fullmatch(one) and len(one) <= 64 for one in studies):
        raise BadInvocation("studyUID")
    orders = [] if studies else _listed(parameters, "accessionNumber")
    barcode = "" if studies or orders else parameters.get(BARCODE, "")
    if not (studies or orders or barcode):
        raise BadInvocation("studyUID")
    return Asked(
        patient,
        tuple(studies),
        tuple(_order(one) for one in orders),
        barcode,
        key_images_only=key_images_only,
    )


def _listed(parameters: Mapping[str, str], name: str) -> list[str]:
    values = [one.strip() for one in re.split("[,;]", parameters.get(name, ""))]
    found = list(dict.fromkeys(filter(None, values)))
    if len(found) > MOST_NAMED:
        raise BadInvocation(name)
    return found


def _patient_numbers(value: str) -> Iterable[PatientNumber]:
    """The repetitions of a CX (HL7 v2.5.1 2.A.14)."""
    for one in filter(None, (part.strip() for part in value.split("~"))):
        parts = [part.strip() for part in one.split("^")]
        authority = [part.strip() for part in (parts[3] if len(parts) > 3 else "").split("&")]
        oid = authority[1] if len(authority) > 1 else ""
        if not parts[0]:
            raise BadInvocation("patientID")
        yield PatientNumber(parts[0], authority[0], oid)


def _order(value: str) -> Numbered:
    """An accession number, with who gave it behind a caret where somebody says (HL7's EI)."""
    number, _, issuer = value.partition("^")
    if not number:
        raise BadInvocation("accessionNumber")
    return Numbered(number.strip(), issuer.split("^")[0].strip())


def _bounds(parameters: Mapping[str, str]) -> Bounds:
    modalities = _listed(parameters, "modalitiesInStudy")
    if not all(map(_CODE.fullmatch, modalities)):
        raise BadInvocation("modalitiesInStudy")
    recent = parameters.get("mostRecentResults", "") or "0"
    if not (recent.isascii() and recent.isdigit() and len(recent) < 7):
        raise BadInvocation("mostRecentResults")
    return Bounds(
        _moment(parameters, "lowerDateTime", time.min),
        _moment(parameters, "upperDateTime", time.max),
        int(recent),
        tuple(modalities),
    )


def _moment(parameters: Mapping[str, str], name: str, of_a_day: time) -> datetime | None:
    """A moment of XML Schema, in UTC where no zone is said; of a day alone, its begin or end."""
    value = parameters.get(name, "")
    if not value:
        return None
    try:
        # A plus in an address is a space once it is read.
        found = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError as error:
        raise BadInvocation(name) from error
    if len(value) <= 10:
        found = datetime.combine(found.date(), of_a_day)
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError as error:
        raise BadInvocation(name) from error
