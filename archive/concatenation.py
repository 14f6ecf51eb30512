"""The parts of an instance that is cut for whoever takes none over a size: a concatenation.

Source: PS3.3 C.7.6.16 (the attributes), C.7.6.17.3 (TILED_FULL goes on across the parts), 7.5.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from archive.identity import uid_from

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Part:
    """Which frames of an instance are a part, and of which concatenation: a function of the cut."""

    concatenation_uid: str
    number: int
    """From 1 on, of `count`."""
    count: int
    first_frame: int
    frames: int
    sha256: str = ""
    """The digest of its frames, one behind the other, where it is known."""

    @property
    def uid(self) -> str:
        """Its SOP Instance UID."""
        place = (self.concatenation_uid, str(self.first_frame), str(self.frames))
        return uid_from("part", *place)

    @property
    def numbers(self) -> range:
        """The frames of the whole that it has."""
        return range(self.first_frame, self.first_frame + self.frames)

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """As `written` wrote it."""
        return cls(**{one.name: written[one.name] for one in fields(cls)})

    def written(self) -> dict[str, Any]:
        """For the catalogue."""
        return asdict(self)


def parts_of(
    sop_instance_uid: str, groups: Sequence[range], sha256s: Sequence[str] = ()
) -> tuple[Part, ...]:
    """The parts of an instance that is cut into these neighbouring frames.

    Cut elsewhere it is another concatenation, so that no reader joins parts of two.
    """
    begins = (str(one.start) for one in groups)
    concatenation = uid_from("concatenation", sop_instance_uid, *begins)
    known = sha256s or [""] * len(groups)
    return tuple(
        Part(concatenation, number, len(groups), one.start, len(one), sha256)
        for number, (one, sha256) in enumerate(zip(groups, known, strict=True), 1)
    )


def as_part(header: "Dataset", part: Part) -> "Dataset":
    """Change the header of a whole in place to that of one of its parts, and give it."""
    # Whoever opens the catalogue loads this module, and opens no header.
    from pydicom.uid import UID

    header.ConcatenationUID = part.concatenation_uid
    header.SOPInstanceUIDOfConcatenationSource = header.SOPInstanceUID
    header.InConcatenationNumber = part.number
    header.InConcatenationTotalNumber = part.count
    header.ConcatenationFrameOffsetNumber = part.first_frame
    header.NumberOfFrames = part.frames
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = UID(part.uid)
    return header
