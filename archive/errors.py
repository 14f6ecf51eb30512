"""What can go wrong with the archive.

ArchiveError
├── NotFound            (LookupError)      no such image, exam or object, or not for this caller
├── NotAllowed          (PermissionError)  a sign-in key that is unknown, used or expired
├── TransitionRefused   (ValueError)       a state the image cannot reach from where it is
├── InvalidIdentity     (ValueError)       traits or numbers that DICOM cannot carry
├── DifferentPatient    (ValueError)       the file or the order is archived under someone else
├── StorageFailure      (OSError)          the store or the database does not answer as it must
└── LeaseLost           (RuntimeError)     the job now belongs to another worker
"""


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


class DifferentPatient(ArchiveError, ValueError):
    """The file or the accession number is archived under another patient of the establishment."""


class StorageFailure(ArchiveError, OSError):
    """The object store or the database failed, or gave fewer bytes than asked for."""


class LeaseLost(ArchiveError, RuntimeError):
    """The lease ran out and another attempt took the job over."""
