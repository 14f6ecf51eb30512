"""The radiology archive as it is seen from here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Moved = Callable[[], None]
"""Called for every part that moves; what it raises ends what is under way."""


def unheard() -> None:
    """For those whom nobody waits for."""


@dataclass(frozen=True, slots=True)
class Named:
    """An instance as an archive is asked for it; its series where that is known."""

    study_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """A DICOM file on its way, in its own transfer syntax."""

    named: Named
    path: Path


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

    Every method raises LinkDown where the archive does not answer as it must, which passes,
    LinkRefused where it says no, which does not, and LinkLacks where it has no such service.
    """

    def store(self, instance: Instance, moved: Moved = unheard) -> None:
        """Give it an instance in its own transfer syntax; telling it again changes nothing."""
        ...

    def committed(self, named: Named) -> bool | None:
        """Whether it promises to keep an instance; None where it is not asked to promise."""
        ...

    def shown(self, named: Named) -> Shown | None:
        """Under whom it shows an instance; None where it shows it to nobody."""
        ...

    def fetch(
        self,
        named: Named,
        series_instance_uid: str,
        into: Path,
        most_bytes: int,
        moved: Moved = unheard,
    ) -> None:
        """Write the instance as the archive keeps it to a file; LinkRefused beyond `most_bytes`."""
        ...

    def remove(self, named: Named) -> bool:
        """Delete an instance by the archive's own means; False where none was configured."""
        ...
