"""The patient as words of the command line."""

import argparse
from typing import TYPE_CHECKING

from api import values
from api.errors import NotTaken
from api.establishment import ESTABLISHMENT

if TYPE_CHECKING:
    from archive.identity import PatientIdentity


def add_patient(command: argparse.ArgumentParser, *, required: bool) -> None:
    """Add what says whose files are to a command."""
    command.add_argument("--patient-id", metavar="ID", required=required)
    command.add_argument("--issuer", metavar="NAME", help="who gave the patient's number")
    command.add_argument("--patient-name", metavar="FAMILY^GIVEN")
    command.add_argument("--birth-date", type=values.date, metavar="YYYYMMDD")
    command.add_argument("--sex", choices=("F", "M", "O"))
    command.add_argument("--accession", metavar="NUMBER")
    command.add_argument("--establishment", metavar="NAME", default=ESTABLISHMENT)


def patient_of(arguments: argparse.Namespace) -> "PatientIdentity":
    """The patient that is named; raises NotTaken for traits that DICOM cannot carry."""
    from archive.errors import InvalidIdentity
    from archive.identity import PatientIdentity

    try:
        return PatientIdentity(
            patient_id=arguments.patient_id,
            issuer=arguments.issuer or "",
            name=arguments.patient_name or "",
            birth_date=arguments.birth_date,
            sex=arguments.sex,
        )
    except InvalidIdentity as error:
        raise NotTaken(str(error)) from error
