"""What can go wrong with a scanner's file.

    SlideError
    ├── MissingFile         (FileNotFoundError)  the file, or one it needs, is not there
    ├── UnknownFormat       (ValueError)         not a slide of any format read here
    ├── UnsupportedSlide    (ValueError)         a known format in a variant not read here
    │   └── NotAddressable                       … whose tiles OpenSlide alone can find
    ├── DamagedSlide        (ValueError)         a file that does not hold what it promises
    ├── NoSuchScene         (ValueError)         a scene that the file does not hold
    ├── TooLarge            (ValueError)         a file that would need unreasonable resources
    ├── MissingSpacing      (ValueError)         no pixel spacing, and none was given
    ├── InvalidMetadata     (ValueError)         what is said of a slide cannot be made sense of
    ├── LossRefused         (ValueError)         a level would lose, and none may
    ├── NotFaithful         (ValueError)         what was written is not what was to be written
    ├── OutputExists        (FileExistsError)    something lies where the result belongs
    ├── CannotLink          (OSError)            a file system without second names for files
    └── NoRoom              (OSError)            the disk is full

A message is one line: what is wrong, then what to do. It never names the file: `path` does, for
whoever may show it.
"""

from pathlib import Path


class SlideError(Exception):
    """Any failure of this package."""

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path


class MissingFile(SlideError, FileNotFoundError):
    """The file, or a companion it cannot be read without, is not there.

    `missing` names the companions, for whoever may show them.
    """

    def __init__(
        self, message: str, path: Path | None = None, missing: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, path)
        self.missing = missing


class UnknownFormat(SlideError, ValueError):
    """The content is no slide of any format read here."""


class UnsupportedSlide(SlideError, ValueError):
    """A recognised format whose variant (depth, planes, encoding, kind of object) is not read."""


class NotAddressable(UnsupportedSlide):
    """A variant whose tiles are not where we would look: OpenSlide may know where."""


class DamagedSlide(SlideError, ValueError):
    """The file is truncated or malformed: it does not hold what it promises."""


class NoSuchScene(SlideError, ValueError):
    """A number that none of the file's scenes has."""


class TooLarge(SlideError, ValueError):
    """Reading it would need unreasonable memory or time."""


class MissingSpacing(SlideError, ValueError):
    """The file does not say how large a pixel is, and nobody else did."""


class LossRefused(SlideError, ValueError):
    """A level could only be kept with loss, and lossless conversion was asked for."""


class NotFaithful(SlideError, ValueError):
    """What was written, read again, is not what the slide and the plan ask for."""


class InvalidMetadata(SlideError, ValueError):
    """What a person said of a slide is of no known form, or of no known term."""


class OutputExists(SlideError, FileExistsError):
    """Something already lies where the result belongs."""


class CannotLink(SlideError, OSError):
    """DICOM and zarr were to be one set of bytes where no file can have two names."""


class NoRoom(SlideError, OSError):
    """There is no room left to write the result."""
