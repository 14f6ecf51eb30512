"""A merge ends what was told of an identity: its national identifier is told of who survives."""

from datetime import date
from typing import Any

from api.fhir.patient import patient_resource
from archive.catalog import Catalog
from archive.identities.ins import NIR
from archive.identities.stated import Status
from archive.identity import PatientIdentity
from archive.resources.asked import Criterion, Search, Token
from tests.api.fhir.conftest import INS, published, stated
from tests.archive.conftest import HERE

TRAITS: dict[str, Any] = {"birth_date": date(1950, 5, 5), "sex": "M", "name": "PETIT^LUC"}


def numbers(catalog: Catalog, *criteria: Criterion) -> dict[str, list[str]]:
    """Of the patients that are found, all numbers that are told, by their own."""
    found = catalog.resources.patients(Search(criteria), establishment=HERE)
    told = [patient_resource(one, "http://test") for one in found]
    every = [[one["value"] for one in each["identifier"]] for each in told]
    return {each[-1]: each for each in every}


def by_ins(name: str = "identifier") -> Criterion:
    return Criterion(name, (Token(INS.number, NIR), Token(INS.number)))


def test_who_was_merged_tells_no_national_identifier_any_more(catalog: Catalog) -> None:
    published(catalog, "luc", PatientIdentity("OLD", "CHU"), accession="A7")
    qualified = {**TRAITS, "status": Status.QUALIFIED}
    state = catalog.identities.state
    state(HERE, stated("OLD", ins=INS, **qualified))
    assert numbers(catalog, by_ins()) == {"OLD": [INS.number, "OLD"]}
    catalog.identities.merge(HERE, stated("NEW", 1, **TRAITS), ("OLD", "CHU"))
    state(HERE, stated("NEW", 2, status=Status.PROVISIONAL, **TRAITS))
    everybody = numbers(catalog)
    assert (everybody["OLD"], everybody["NEW"]) == (["OLD"], ["NEW"])
    assert numbers(catalog, by_ins()) == {}
    of_ins = Search([by_ins("patient.identifier")])
    assert catalog.resources.studies(of_ins, establishment=HERE) == []
    (old,) = catalog.resources.patients(
        Search([Criterion("identifier", (Token("OLD"),))]), establishment=HERE
    )
    told = patient_resource(old, "http://test")
    assert (told["active"], "QUAL" in str(told)) == (False, False)
    # Who survives tells it once it is theirs.
    state(HERE, stated("NEW", 3, ins=INS, **qualified))
    assert numbers(catalog, by_ins()) == {"NEW": [INS.number, "NEW"]}
    assert len(catalog.resources.studies(of_ins, establishment=HERE)) == 1
