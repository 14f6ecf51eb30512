"""A patient as a FHIR resource, after the profiles of FR Core 2.2."""

from typing import Any

from api.fhir.systems import V2_IDENTIFIER, system_of
from archive.identities.ins import DEMONSTRATION, NIA, NIR, TEST
from archive.resources.patients import GENDERS, FoundPatient

FR_CORE = "https://hl7.fr/ig/fhir/core"
_PROFILE = f"{FR_CORE}/StructureDefinition/fr-core-patient"
_BIRTH_PLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
_COMMUNE = "https://mos.esante.gouv.fr/NOS/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM"
_INS_TYPES = {NIR: "INS-NIR", NIA: "INS-NIA", TEST: "INS-NIR-TEST", DEMONSTRATION: "INS-NIR-DEMO"}
_GENDERS = {sex: gender for gender, sex in GENDERS.items() if sex}

Json = dict[str, Any]


def patient_resource(found: FoundPatient, origin: str) -> Json:
    """The resource; the national identifier (INS) is there while the identity is qualified."""
    who = found.identity
    told: Json = {
        "resourceType": "Patient",
        "id": found.key,
        "extension": _extensions(found),
        "identifier": _identifiers(found, origin),
        "active": found.replaced_by is None,
        "name": _names(found),
        "gender": _GENDERS.get(who.sex or ""),
        "birthDate": who.birth_date.isoformat() if who.birth_date else None,
        "managingOrganization": {"display": found.establishment},
        "link": _links(found),
    }
    told = {name: value for name, value in told.items() if value not in (None, [])}
    told["meta"] = _meta(found, told)
    return told


def _meta(found: FoundPatient, told: Json) -> Json:
    """When it changed, and the profiles that it is of: none is claimed that it lacks parts of."""
    meta: Json = {}
    if found.changed_at is not None:
        meta["lastUpdated"] = found.changed_at.isoformat(timespec="milliseconds")
    profiles = [_PROFILE] if all("system" in one for one in told["identifier"]) else []
    official = [one for one in told.get("name", ()) if one.get("use") == "official"]
    is_told = found.identity.ins and found.birthplace and found.first_names
    if profiles and is_told and {"gender", "birthDate"} <= told.keys():
        profiles += [f"{_PROFILE}-ins"] if any("given" in one for one in official) else []
    if profiles:
        meta["profile"] = profiles
    return meta


def _extensions(found: FoundPatient) -> list[Json]:
    told: list[Json] = []
    # Of an older message that says VALI and has an INS, it is what is called qualified today.
    status = "QUAL" if found.identity.ins else found.status
    if status:
        trust = [
            _coded("identityStatus", f"{FR_CORE}/CodeSystem/fr-core-cs-identity-status", status)
        ]
        for flag in found.flags:
            system = f"{FR_CORE}/CodeSystem/fr-core-cs-identity-status-comment"
            concept = {"coding": [{"system": system, "code": flag}]}
            trust.append({"url": "comment", "valueCodeableConcept": concept})
        url = f"{FR_CORE}/StructureDefinition/fr-core-identity-reliability"
        told.append({"extension": trust, "url": url})
    if found.birthplace:
        insee = _coded(
            f"{FR_CORE}/StructureDefinition/fr-core-address-insee-code", _COMMUNE, found.birthplace
        )
        told.append({"url": _BIRTH_PLACE, "valueAddress": {"extension": [insee]}})
    return told


def _coded(url: str, system: str, code: str) -> Json:
    return {"url": url, "valueCoding": {"system": system, "code": code}}


def _identifiers(found: FoundPatient, origin: str) -> list[Json]:
    who = found.identity
    told = []
    if who.ins and who.ins_authority:
        kind = {"system": f"{FR_CORE}/CodeSystem/fr-core-cs-v2-0203"}
        kind["code"] = _INS_TYPES[who.ins_authority]
        told.append(
            {
                "use": "temp" if who.ins_authority == NIA else "official",
                "type": {"coding": [kind]},
                "system": f"urn:oid:{who.ins_authority}",
                "value": who.ins,
            }
        )
    own: Json = {
        "use": "usual",
        "type": {"coding": [{"system": V2_IDENTIFIER, "code": "PI"}]},
        "value": who.patient_id,
    }
    if system := system_of(origin, who.issuer, who.issuer_oid):
        own["system"] = system
    if who.issuer:
        own["assigner"] = {"display": who.issuer}
    return [*told, own]


def _names(found: FoundPatient) -> list[Json]:
    """The birth name (`official`), and the name that is used where that is another one."""
    who = found.identity
    told = []
    if who.birth_name:
        official = _name("official", who.birth_name)
        if found.first_names:
            url = f"{FR_CORE}/StructureDefinition/fr-core-patient-birth-list-given-name"
            official["extension"] = [{"url": url, "valueString": found.first_names}]
        told.append(official)
    used = found.used_name or who.name
    if used.strip("^= ") and (used != who.birth_name or found.used_name):
        told.append(_name("usual", used))
    return told


def _name(use: str, name: str) -> Json:
    """A Person Name of DICOM as a HumanName, by its first group (PS3.5 6.2.1)."""
    family, first, middle, prefix, suffix = (
        [one.strip() for one in name.partition("=")[0].split("^")] + [""] * 5
    )[:5]
    told: Json = {"use": use}
    if family:
        told["family"] = family
    if given := [one for one in (first, middle) if one]:
        told["given"] = given
    if prefix:
        told["prefix"] = [prefix]
    if suffix:
        told["suffix"] = [suffix]
    return told


def _links(found: FoundPatient) -> list[Json]:
    """Whom they were merged into, and who was merged into them."""
    ways = [(found.replaced_by, "replaced-by"), *((one, "replaces") for one in found.replaces)]
    return [
        {"other": {"reference": f"Patient/{key}"}, "type": way}
        for key, way in ways
        if key is not None
    ]
