"""What readers of pixels find on the way, told of the file in which they found it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slides.errors import CannotLink, DamagedSlide, NoRoom, UnsupportedSlide
from tiles.errors import NoLinks, TilesError, UnsupportedPixels


@contextmanager
def blaming_the_file(path: Path) -> Iterator[None]:
    """Turn what the pixels' readers found on the way into an error that says what to do."""
    try:
        yield
    except UnsupportedPixels as error:
        raise UnsupportedSlide(f"{error}; export it as 8-bit grey or RGB", path) from error
    except NoLinks as error:
        raise CannotLink(str(error), path) from error
    except TilesError as error:
        raise DamagedSlide(f"{error}; fetch the file again from the scanner", path) from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise NoRoom(
            "no room is left to write the result; make some and try again", path
        ) from error
