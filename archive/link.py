"""The radiology archive as it is seen from here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Named:
    """An instance as an archive is asked for it."""

    study_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A DICOM file on its way: its bytes as they are stored, some megabytes at a time."""

    named: Named
    length_bytes: int
    parts: Iterator[bytes]


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """Under whom, and in which series, an archive shows an instance."""

    patient_id: str
    study_instance_uid: str
    accession_number: str = ""
    series_instance_uid: str = ""
    places: int = 1
    """Under how many patients, studies or series it shows that one instance."""

    def __repr__(self) -> str:
        return "Shown(…)"


class ArchiveLink(Protocol):
    """One archive: what it can be told and asked.

    Every method raises LinkDown where the archive does not answer as it must, which passes, and
    LinkRefused where it says no, which does not.
    """

    def store(self, instance: Instance) -> None:
        """Give it an instance in its own transfer syntax; telling it again changes nothing."""
        ...

    def shown(self, named: Named) -> Shown | None:
        """Under whom it shows an instance; None where it shows it to nobody."""
        ...

    def fetch(self, named: Named, series_instance_uid: str, into: Path, most_bytes: int) -> None:
        """Write the instance as the archive keeps it to a file; LinkRefused beyond `most_bytes`."""
        ...

    def remove(self, named: Named) -> bool:
        """Delete an instance by the archive's own means; False where none was configured."""
        ...
