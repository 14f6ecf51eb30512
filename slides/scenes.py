"""Which of a file's pictures is meant, where it holds several."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from slides.errors import NoSuchScene, SlideError
from slides.slide import Scene


def chosen(scenes: Sequence[Scene], number: int | None) -> int | None:
    """The number that was asked for, where a file of these scenes has it; raises NoSuchScene.

    A file without scenes is one, with the number 1, and gives None.
    """
    count = max(1, len(scenes))
    if number is not None and not 1 <= number <= count:
        held = f"{count} scenes" if count > 1 else "one scene"
        raise NoSuchScene(f"there is no scene {number}: it holds {held}; see `sansverre info`")
    return number if scenes else None


@contextmanager
def naming(scene: int | None) -> Iterator[None]:
    """Let errors say which scene is at fault, where there are several."""
    try:
        yield
    except SlideError as error:
        if scene is None:
            raise
        raise type(error)(f"in scene {scene}, {error}", error.path) from error
