"""What can go wrong with a camera's file.

    PhotoError
    ├── MissingPhoto        (FileNotFoundError)  the file is not there
    ├── NotAPhotograph      (ValueError)         the content is no picture, or nothing known
    ├── UnsupportedPhoto    (ValueError)         a picture in a form not taken in yet
    ├── DamagedPhoto        (ValueError)         a JPEG that does not hold what it promises
    └── TooLarge            (ValueError)         more pixels or bytes than a camera makes

A message is one line: what is wrong, then what to do. It never names the file nor anything that
the file says.
"""


class PhotoError(Exception):
    """Any failure of this package."""


class MissingPhoto(PhotoError, FileNotFoundError):
    """There is no such file."""


class NotAPhotograph(PhotoError, ValueError):
    """The content is no picture of any kind known here."""


class UnsupportedPhoto(PhotoError, ValueError):
    """A picture, but not a baseline JPEG in grey or three colours."""


class DamagedPhoto(PhotoError, ValueError):
    """The JPEG is truncated or malformed."""


class TooLarge(PhotoError, ValueError):
    """Reading it would need unreasonable memory or time."""
