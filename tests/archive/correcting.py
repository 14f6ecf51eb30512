"""A patient's traits or number are put right, as messages and persons do it."""

from datetime import UTC, datetime

from archive.catalog import Catalog
from archive.identities.schema import Verdict
from archive.identities.stated import Stated
from archive.identity import PatientIdentity
from tests.archive.conftest import HERE


def correct(catalog: Catalog, to: PatientIdentity, establishment: str = HERE) -> None:
    """Let the number of `to` be of who `to` says; a person agrees where one is asked."""
    traits = {"name": to.name, "birth_date": to.birth_date, "sex": to.sex}
    said = Stated(to.patient_id, to.issuer, traits, datetime.now(UTC), "GAM")
    done = catalog.identities.state(establishment, said)
    if done.doubt is not None:
        catalog.identities.decide(done.doubt, Verdict.SAME, "me", establishment=establishment)


def renumber(
    catalog: Catalog, number: str, to: str, issuer: str, establishment: str = HERE
) -> None:
    """Let a patient have another number of the same issuer (A47)."""
    said = Stated(to, issuer, {}, datetime.now(UTC), "GAM")
    catalog.identities.merge(establishment, said, (number, issuer), renumbers=True)
