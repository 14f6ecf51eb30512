"""The resources of a catalogue, reached as `catalog.resources`."""

from collections.abc import Collection

from archive.database import Database
from archive.resources import patients, reports, studies
from archive.resources.asked import Search
from archive.resources.patients import FoundPatient
from archive.resources.reports import FoundReport
from archive.resources.studies import ImagingStudy


class Resources:
    """Patients, imaging studies and reports as FHIR asks for them, each page in one query.

    `establishment=None` means every establishment, as in the catalogue. What is not published is
    not there. All raise InvalidQuery for a search that means nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def patients(self, asked: Search, *, establishment: str | None) -> list[FoundPatient]:
        """The patients that match, in the order in which they were first known."""
        with self._database.read() as connection:
            return patients.search(connection, asked, establishment)

    def patients_by_key(
        self, keys: Collection[str], *, establishment: str | None
    ) -> list[FoundPatient]:
        """The patients whom addresses name so."""
        with self._database.read() as connection:
            return patients.by_keys(connection, keys, establishment)

    def count_patients(self, asked: Search, *, establishment: str | None) -> int:
        """How many match."""
        with self._database.read() as connection:
            return patients.count(connection, asked, establishment)

    def studies(self, asked: Search, *, establishment: str | None) -> list[ImagingStudy]:
        """The studies that match, the newest first."""
        with self._database.read() as connection:
            return studies.search(connection, asked, establishment)

    def studies_among(
        self,
        limit: int,
        *,
        establishment: str | None,
        exams: Collection[str] = (),
        whom: Collection[int] = (),
    ) -> list[ImagingStudy]:
        """The studies of these exams, or that stand under these patients, by row."""
        with self._database.read() as connection:
            return studies.among(connection, establishment, limit, exams=exams, whom=whom)

    def count_studies(self, asked: Search, *, establishment: str | None) -> int:
        """How many match."""
        with self._database.read() as connection:
            return studies.count(connection, asked, establishment)

    def reports(self, asked: Search, *, establishment: str | None) -> list[FoundReport]:
        """The reports that match, those that came last first."""
        with self._database.read() as connection:
            return reports.search(connection, asked, establishment)

    def reports_among(
        self,
        limit: int,
        *,
        establishment: str | None,
        exams: Collection[str] = (),
        whom: Collection[int] = (),
    ) -> list[FoundReport]:
        """The reports of these exams, or that stand under these patients, by row."""
        with self._database.read() as connection:
            return reports.among(connection, establishment, limit, exams=exams, whom=whom)

    def count_reports(self, asked: Search, *, establishment: str | None) -> int:
        """How many match."""
        with self._database.read() as connection:
            return reports.count(connection, asked, establishment)
