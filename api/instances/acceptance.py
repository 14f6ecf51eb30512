"""One DICOM file from an identified sender, and what becomes of it: for STOW-RS and C-STORE alike.

examined in a child → its object durable → recorded and published in one transaction → answered

Nothing that is answered as kept can be lost, and of what is refused nothing stays.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from errno import EDQUOT, ENOSPC
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api.desk import desk
from api.errors import ChildCrashed, OutOfMemory, OutOfTime, SandboxError
from api.instances.examiners import Examiners
from api.instances.looks import looks_sha256
from api.sandbox import one_line
from archive.catalog import Catalog
from archive.described import Described, DescribedSeries
from archive.errors import (
    ArchiveError,
    InvalidIdentity,
    NoRoom,
    NotKept,
    OverQuota,
    StorageFailure,
)
from archive.identity import (
    LO_CHARACTERS,
    SH_CHARACTERS,
    PatientIdentity,
    checked_text,
    read_birth_date,
)
from archive.received.arrived import Arrived, Part, Shown
from archive.received.keeping import Held, Kept, another
from archive.received.outcome import Failure, Outcome, Warned
from archive.record import ImageKind, ObjectRole
from archive.storage import Storage
from tiles.errors import DamagedInstance
from tiles.instance import read_header
from tiles.pyramid import same_view

LOG = logging.getLogger("sansverre.instances")

_FULL = frozenset({ENOSPC, EDQUOT})


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends; `issuer` gave the patients' numbers of instances that do not say who did."""

    establishment: str
    issuer: str = ""


class Acceptance:
    """Where instances of others are taken in, in this process. Thread-safe; every call blocks.

    Files that are given lie best in `folder`, which goes with this process however it ends: from
    there a store that is a folder takes them without copying them.
    """

    folder: Path

    def __init__(self, catalog: Catalog, storage: Storage, data: Path) -> None:
        self._catalog, self._storage = catalog, storage
        self._held = ExitStack()
        self.folder = self._held.enter_context(desk(storage.drafts(data / "received")))
        self.examiners = Examiners(self.folder)

    def close(self) -> None:
        """End the children, and delete what lies in the folder."""
        self.examiners.close()
        self._held.close()

    def take(
        self, file: Path, sender: Sender, may_be: Callable[[Outcome], Failure | None] | None = None
    ) -> Outcome:
        """Take one DICOM file in, and give what became of it: durable once it is kept.

        The file stays the caller's, who deletes it and lets nobody write to it any more. `may_be`
        is asked, with the names of what it was found to be, for a reason to refuse it. Raises
        nothing: what befalls it is an Outcome.
        """
        outcome = Outcome()
        try:
            # Beside the file, from where the store takes what is written anew as well.
            with TemporaryDirectory(prefix="received-", dir=file.parent) as folder:
                anew = Path(folder, "anew.dcm")
                told = self.examiners.examine(file, anew, sender.establishment)
                outcome = _named(told)
                if outcome.failure is not None:
                    return outcome
                refused = may_be(outcome) if may_be is not None else None
                if refused is not None:
                    return replace(outcome, failure=refused, reason="it is not what was announced")
                arrived = _arrived(told, outcome, sender)
                kept = self._keep(anew if told["is_anew"] else file, arrived, sender.establishment)
        except (NotKept, InvalidIdentity) as error:
            failure = error.failure if isinstance(error, NotKept) else Failure.CANNOT_UNDERSTAND
            return replace(outcome, failure=Failure(failure), reason=one_line(str(error)))
        except (SandboxError, ArchiveError, OSError) as error:
            failure = failure_of(error)
            LOG.warning("an instance was not taken: %s", type(error).__name__)
            reason = str(error) if isinstance(error, SandboxError) else "the archive did not answer"
            return replace(outcome, failure=failure, reason=one_line(reason))
        warning = Warned.COERCED if kept.is_coerced else None
        return replace(outcome, warning=warning, image_id=kept.image_id)

    def _keep(self, file: Path, arrived: Arrived, whose: str) -> Kept:
        known = self._catalog.received.held(arrived, establishment=whose)
        lost = None
        if known is not None:
            if known.is_whole(self._storage):
                self._require_same(known, arrived)
                return known.kept
            lost = known.key
            LOG.warning("an object is not in the store; it is kept again, as its sender has it")
        kept = self._recorded(file, arrived, whose, lost)
        # Where somebody else sent it meanwhile, it is held against theirs.
        return kept if kept.is_new else self._keep(file, arrived, whose)

    def _recorded(self, file: Path, arrived: Arrived, whose: str, lost: str | None) -> Kept:
        key = self._storage.new_key()
        length_bytes = file.stat().st_size
        is_unused = True
        try:
            self._storage.adopt(file, key)
            # Whatever else befalls the commit, it may have been done: the sweep alone tells.
            is_unused = False
            kept = self._catalog.received.keep(
                arrived, key, length_bytes, _fits, establishment=whose, lost=lost
            )
            is_unused = not kept.is_new
        except NotKept:
            is_unused = True
            raise
        finally:
            if is_unused:
                # Whatever it failed for is told; what stays is swept as any other orphan.
                with suppress(ArchiveError):
                    self._storage.delete(key)
        return kept

    def _require_same(self, held: Held, arrived: Arrived) -> None:
        """Raise NotKept where what is held would not look as what was sent does."""
        read = partial(self._storage.read_range, held.key)
        try:
            header, _ = read_header(read, held.length_bytes)
        except DamagedInstance as error:
            raise NotKept("what is held under its UID is damaged", Failure.PROCESSING) from error
        if looks_sha256(header) != arrived.looks_sha256:
            raise another()


def failure_of(error: Exception) -> Failure:
    """What an exception is in DICOM's numbers."""
    if isinstance(error, (NoRoom, OverQuota)):
        return Failure.OUT_OF_RESOURCES
    if isinstance(error, (OutOfMemory, OutOfTime, ChildCrashed)):
        return Failure.CANNOT_UNDERSTAND
    cause = error.__cause__ if isinstance(error, StorageFailure) else error
    if isinstance(cause, OSError) and cause.errno in _FULL:
        return Failure.OUT_OF_RESOURCES
    return Failure.PROCESSING


def _fits(large: tuple[int, int], small: tuple[int, int]) -> bool:
    return same_view(*large, *small)


def _named(told: dict[str, Any]) -> Outcome:
    """The names of what was examined, and why it is not taken, where it is not."""
    match told:
        case {"names": dict(names)}:
            pass
        case _:
            raise ChildCrashed("its answer is garbled")
    named = Outcome(
        sop_class_uid=str(names.get("SOPClassUID", "")),
        sop_instance_uid=str(names.get("SOPInstanceUID", "")),
        study_instance_uid=str(names.get("StudyInstanceUID", "")),
        series_instance_uid=str(names.get("SeriesInstanceUID", "")),
    )
    match told:
        case {"failure": int(failure), "reason": str(reason)}:
            return replace(named, failure=Failure(failure), reason=one_line(reason))
    return named


def _arrived(told: dict[str, Any], named: Outcome, sender: Sender) -> Arrived:
    """What the child says, as the catalogue takes it; raises InvalidIdentity, ChildCrashed."""
    try:
        syntax, *numbers = told["described"]["instance"]
        accession_number, issuer = told["order"]
        began = told["study_at"]
        return Arrived(
            sop_class_uid=named.sop_class_uid,
            sop_instance_uid=named.sop_instance_uid,
            study_instance_uid=named.study_instance_uid,
            described=Described(DescribedSeries(*told["described"]["series"]), syntax, *numbers),
            kind=ImageKind(told["kind"]),
            role=ObjectRole(told["role"]),
            width=told["extent"][0],
            height=told["extent"][1],
            shown=Shown(*told["shown"]),
            pixel_sha256=told["pixel_sha256"],
            looks_sha256=told["looks_sha256"],
            facts=told["facts"],
            patient=_patient(told["patient"], sender),
            accession_number=checked_text("accession number", accession_number, SH_CHARACTERS)
            or None,
            issuer=checked_text("issuer of the accession number", issuer, LO_CHARACTERS) or None,
            study_at=datetime.fromisoformat(began) if began else None,
            part=Part(*told["part"]) if told["part"] else None,
        )
    except InvalidIdentity:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ChildCrashed("its answer is garbled") from error


def _patient(said: dict[str, str], sender: Sender) -> PatientIdentity | None:
    if not said["PatientID"]:
        return None
    sex = said["PatientSex"]
    oid = checked_text("universal issuer", said["IssuerOID"], LO_CHARACTERS)
    return PatientIdentity(
        said["PatientID"],
        # Who says by a universal name alone who gave the number does not mean their own.
        said["IssuerOfPatientID"] or oid or sender.issuer,
        said["PatientName"],
        read_birth_date(said["PatientBirthDate"]),
        sex if sex in {"F", "M", "O"} else None,  # type: ignore[arg-type]
        issuer_oid=oid or None,
    )
