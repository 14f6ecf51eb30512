"""What can go wrong with the archive.

ArchiveError
├── NotFound            (LookupError)      no such image, exam or object, or not for this caller
├── NotAllowed          (PermissionError)  a sign-in key that is unknown, used or expired
├── TransitionRefused   (ValueError)       a state the image cannot reach from where it is
├── InvalidIdentity     (ValueError)       traits or numbers that DICOM cannot carry
├── InvalidSite         (ValueError)       a body site that is none, or a side that it has not
├── InvalidQuery        (ValueError)       a question in words that mean nothing
├── BadDocument         (ValueError)       a document of a report that cannot be kept
├── InvalidCapture      (ValueError)       what is stated of a photograph cannot be so
├── MayNotLeave         (PermissionError)  pictures that a rule keeps in the establishment
├── NoCard              (LookupError)      a user whom colleagues know by no name yet
├── DifferentPatient    (ValueError)       the file or the order is archived under someone else
├── NotKept             (ValueError)       an instance that another sends, and why it is not kept
├── Expired             (LookupError)      an upload that nobody went on with in time
├── Held                (RuntimeError)     a draft that another request is writing
├── OverQuota           (ValueError)       more than an establishment may have on its way
├── NoRoom              (ValueError)       more than the disk has room for
├── Incomplete          (ValueError)       a deposit that lacks files
├── NotReady            (ValueError)       a session that is to be sent, and what it lacks
├── StorageFailure      (OSError)          the store or the database does not answer as it must
├── LinkDown            (OSError)          a radiology archive that does not answer as it must
├── LinkRefused         (ValueError)       a radiology archive that says no
│   └── ClassRefused                         to every object of this kind
├── LinkLacks           (LookupError)      a radiology archive that has no such service
└── LeaseLost           (RuntimeError)     the job now belongs to another worker
"""

from typing import ClassVar


class ArchiveError(Exception):
    """Any failure of this package."""


class NotFound(ArchiveError, LookupError):
    """Nothing by that name, or nothing this establishment may see: the answer is the same."""


class NotAllowed(ArchiveError, PermissionError):
    """The sign-in key is unknown, already used or expired."""


class TransitionRefused(ArchiveError, ValueError):
    """The image cannot go from its state to the one asked for."""


class InvalidIdentity(ArchiveError, ValueError):
    """A patient's trait or an order's number that DICOM cannot carry."""


class InvalidSite(ArchiveError, ValueError):
    """No body site that DICOM names, or a side that it does not have."""


class InvalidQuery(ArchiveError, ValueError):
    """A query asks in words that mean nothing; the message repeats none of them."""


class BadDocument(ArchiveError, ValueError):
    """A document of a report that cannot be kept; the message says what is wrong with it."""


class InvalidCapture(ArchiveError, ValueError):
    """What is stated of a photograph, or of a lesion, cannot be so."""


class MayNotLeave(ArchiveError, PermissionError):
    """Pictures that stay in the establishment: `obstacle` says why, `images` which ones."""

    def __init__(self, message: str, obstacle: str = "", images: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.obstacle, self.images = obstacle, images
        self.told = {"reason": obstacle, "images": list(images)}


class NoCard(ArchiveError, LookupError):
    """Who asks a colleague, or answers one, has not said yet by which name."""

    told: ClassVar = {"reason": "card"}


class DifferentPatient(ArchiveError, ValueError):
    """The file, or a number, is another patient's in the establishment.

    `image_id` is the image of that file, which may be moved; None where it is the number alone.
    """

    def __init__(self, message: str, image_id: str | None = None) -> None:
        super().__init__(message)
        self.image_id = image_id


class NotKept(ArchiveError, ValueError):
    """An instance that is sent and is not kept; `failure` is DICOM's number for why."""

    def __init__(self, message: str, failure: int) -> None:
        super().__init__(message)
        self.failure = failure


class Expired(ArchiveError, LookupError):
    """Nobody went on with the upload in time; it has to begin anew."""


class Held(ArchiveError, RuntimeError):
    """Another request is writing the draft."""


class _Limited(ArchiveError, ValueError):
    """More bytes than there may be; `told` says how many, for whoever asked."""

    def __init__(self, message: str, **told: int) -> None:
        super().__init__(message)
        self.told = told


class OverQuota(_Limited):
    """The establishment has more on its way than it may."""


class NoRoom(_Limited):
    """The disk would be filled beyond what is kept free."""


class Incomplete(ArchiveError, ValueError):
    """A deposit is to be closed and lacks files; `missing` are their paths."""

    def __init__(self, message: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


class NotReady(ArchiveError, ValueError):
    """A session is to be sent or signed; `told` has the ids of what stands in the way, by why."""

    def __init__(self, message: str, **told: list[str]) -> None:
        super().__init__(message)
        self.told = told


class StorageFailure(ArchiveError, OSError):
    """The object store or the database failed, or gave fewer bytes than asked for."""


class LinkDown(ArchiveError, OSError):
    """A radiology archive does not answer as it must; another time it may."""


class LinkRefused(ArchiveError, ValueError):
    """A radiology archive says no, and would say so again."""


class ClassRefused(LinkRefused):
    """A radiology archive takes no object of this class, or in this transfer syntax."""


class LinkLacks(ArchiveError, LookupError):
    """A radiology archive does not offer what it is asked for, and would not another time."""


class LeaseLost(ArchiveError, RuntimeError):
    """The lease ran out and another attempt took the job over."""
