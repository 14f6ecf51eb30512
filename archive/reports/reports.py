"""The reports of a catalogue: they come, stand in the exam that they are about, and are read."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from archive import schema
from archive.database import Database
from archive.errors import NotFound
from archive.record import StoredObject
from archive.reports import filing, publishing, reading, waiting
from archive.reports.content import as_it_leaves
from archive.reports.decide import Verdict
from archive.reports.report import Content, Report, WaitingReport
from archive.reports.said import ReportSaid
from archive.reports.schema import report
from archive.storage import Storage

_report = report.c
AT_ONCE = 50
"""Reports that are looked at anew in one transaction: nobody else writes meanwhile."""


class Reports:
    """The reports of a catalogue, reached as `catalog.reports`.

    `establishment=None` means every establishment, as in the catalogue. What waits for a person or
    its order is in no list but that of what waits.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, said: ReportSaid) -> tuple[str, ...]:
        """Keep a version of a report whose documents are durable already, and file it.

        Gives the keys that are the catalogue's now; the caller deletes the others. Versions may
        come in any order, and more than once. Raises InvalidIdentity.
        """
        checked = said.checked()
        with self._database.write() as connection:
            return filing.keep(connection, checked)

    def waiting(self, *, establishment: str | None, limit: int = 100) -> tuple[WaitingReport, ...]:
        """The reports that stand nowhere yet, the newest first, and why."""
        with self._database.read() as connection:
            return waiting.read_waiting(connection, establishment, limit)

    def file(self, report_id: str, by: str, *, establishment: str | None) -> None:
        """File what waits of a report because a person says so, under its order's patient.

        Without an order it is whom it names. Raises NotFound for what does not wait, and
        DifferentPatient where its number is that of several identities, or of nobody.
        """
        with self._database.write() as connection:
            waiting.file_by_hand(connection, report_id, by, establishment)

    def waits(self, said: ReportSaid) -> bool:
        """Whether a version of a report waits for its order, or for a person."""
        owner = schema.establishment.c
        query = sa.select(_report.id).select_from(report.join(schema.establishment))
        query = query.where(
            owner.name == said.establishment,
            sa.or_(
                _report.number == said.number.number,
                sa.and_(_report.document == said.document, _report.document != ""),
            ),
            _report.number_issuer == said.number.issuer,
            _report.waits.is_not(None),
        )
        with self._database.read() as connection:
            return connection.scalar(query.limit(1)) is not None

    def settle_some(self) -> bool:
        """File what waits for an order, and has an exam that came; False where there was nothing.

        `settle` knows of those as well whose exam came before, and got their number since.
        """
        with self._database.read() as connection:
            found = list(dict.fromkeys(connection.scalars(filing.exam_has_come()).all()))
        self._look_again(found)
        return bool(found)

    def unmade(self, *, but: Collection[str] = ()) -> publishing.Due | None:
        """The report, `but` these, that has waited longest to be put inside an instance."""
        with self._database.read() as connection:
            return publishing.unmade(connection, but)

    def publish(self, report_id: str, made: StoredObject, instance: bytes) -> bool:
        """Record the instance of a report and have archives told; False where it has one."""
        with self._database.write() as connection:
            return publishing.publish(connection, report_id, made, instance)

    def images_of_exam(self, exam_id: str) -> list[str]:
        """The images that reports of an exam are, of which the caller knows that it may be seen."""
        with self._database.read() as connection:
            return publishing.images_of_exam(connection, exam_id)

    def settle(self) -> int:
        """File what waits and may be filed now; gives how many that were."""
        with self._database.read() as connection:
            found = filing.worth_another_look(connection)
        return self._look_again(found)

    def _look_again(self, found: Sequence[str]) -> int:
        filed = 0
        for begin in range(0, len(found), AT_ONCE):
            some = _report.id.in_(found[begin : begin + AT_ONCE])
            with self._database.write() as connection:
                looked = [
                    filing.file_one(connection, one) for one in filing.waiting(connection, some)
                ]
            filed += looked.count(Verdict.FILED)
        return filed

    def of_patient(self, key: str, *, establishment: str | None) -> tuple[Report, ...]:
        """The reports of the patient whom addresses name by this key, newest version first."""
        with self._database.read() as connection:
            return tuple(reading.of_patient(connection, key, establishment))

    def of_study(self, study_instance_uid: str, *, establishment: str | None) -> tuple[Report, ...]:
        """The reports of a study, newest version first."""
        with self._database.read() as connection:
            return tuple(reading.of_study(connection, study_instance_uid, establishment))

    def of_exam(self, exam_id: str, *, establishment: str | None) -> tuple[Report, ...]:
        """The reports of an exam, newest version first."""
        with self._database.read() as connection:
            return tuple(reading.of_exam(connection, exam_id, establishment))

    def of_number(
        self, issuer: str, accession_number: str, *, establishment: str | None
    ) -> tuple[Report, ...]:
        """The reports of an accession number of this issuer ("" for none), newest first."""
        with self._database.read() as connection:
            return tuple(reading.of_number(connection, issuer, accession_number, establishment))

    def one(self, report_id: str, *, establishment: str | None) -> Report:
        """One document of a report; raises NotFound."""
        with self._database.read() as connection:
            return reading.one_of(connection, report_id, establishment)

    def content(self, report_id: str, storage: Storage, *, establishment: str | None) -> Content:
        """What a document says; raises NotFound, also for one that tells a status alone."""
        with self._database.read() as connection:
            one = reading.one_of(connection, report_id, establishment)
            key = connection.scalar(sa.select(_report.key).where(_report.id == report_id))
        if one.media_type is None or key is None:
            raise NotFound("This version of the report has no document.")
        kept = storage.read_range(key, 0, one.length_bytes)
        return Content(one.media_type, as_it_leaves(kept, one.patient))
