"""An imaging study as a FHIR resource, and the endpoints it is reached by."""

from typing import Any

from api.dicomweb.places import ROOT as DICOMWEB
from api.fhir.systems import accession
from archive.resources.exams import DCM, DICOM_UID, URI, WADO
from archive.resources.studies import ImagingStudy, SeriesRow
from archive.telling.endpoint import endpoint_of

Json = dict[str, Any]

_UNKNOWN = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"} | {
    "valueCode": "unknown"
}


def study_resource(study: ImagingStudy, origin: str) -> Json:
    """The resource: who, by which order, its series and instances, and where it is reached."""
    subject: Json = {"extension": [_UNKNOWN]}
    if study.patient_key is not None:
        subject = {"reference": f"Patient/{study.patient_key}"}
    reached = (WADO, study.exam_id) if study.is_seen else (WADO,)
    told: Json = {
        "resourceType": "ImagingStudy",
        "id": study.exam_id,
        "meta": {"lastUpdated": study.changed_at.isoformat(timespec="milliseconds")},
        "identifier": [{"use": "official", "system": DICOM_UID, "value": f"urn:oid:{study.uid}"}],
        "status": "available",
        "modality": [_modality(one) for one in sorted({one.modality for one in study.series})],
        "subject": subject,
        "started": study.created_at.isoformat(timespec="milliseconds"),
        "endpoint": [{"reference": f"Endpoint/{name}"} for name in reached],
        "numberOfSeries": len(study.series),
        "numberOfInstances": sum(len(one.instances) for one in study.series),
        "series": [_series(one) for one in study.series],
    }
    if study.accession_number:
        number = accession(origin, study.accession_number, study.issuer)
        told["identifier"].append({"use": "usual", **number})
        if not study.is_provisional:
            # An order that others know; a number that was made here is nobody's order.
            told["basedOn"] = [{"type": "ServiceRequest", "identifier": number}]
    return told


def viewer_endpoint(study: ImagingStudy, origin: str) -> Json:
    """Where the study is seen."""
    told = endpoint_of(study.exam_id, study.uid, origin)
    return {**told, "meta": {"lastUpdated": study.changed_at.isoformat(timespec="milliseconds")}}


def wado_endpoint(origin: str) -> Json:
    """Where all studies are retrieved: WADO-RS, under whose address `/studies/…` is."""
    payload = {"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type"}
    return {
        "resourceType": "Endpoint",
        "id": WADO,
        "status": "active",
        "connectionType": {
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
            "code": "dicom-wado-rs",
        },
        "name": "Sans Verre",
        "payloadType": [{"coding": [{**payload, "code": "any", "display": "Any"}]}],
        "payloadMimeType": ["application/dicom"],
        "address": f"{origin}{DICOMWEB}",
    }


def _modality(code: str) -> Json:
    return {"system": DCM, "code": code}


def _series(one: SeriesRow) -> Json:
    told: Json = {
        "uid": one.uid,
        "number": one.number,
        "modality": _modality(one.modality),
        "description": one.description,
        "numberOfInstances": len(one.instances),
        "instance": [
            {
                "uid": each.sop_instance_uid,
                "sopClass": {"system": URI, "code": f"urn:oid:{each.sop_class_uid}"},
                # FHIR's numbers are not negative.
                **({} if (each.number or -1) < 0 else {"number": each.number}),
            }
            for each in one.instances
        ],
    }
    if (one.number or 0) < 0:
        told["number"] = None
    return {name: value for name, value in told.items() if value is not None}
