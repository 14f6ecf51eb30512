"""What is looked at before a slide is taken, though nothing is made of it."""

from slides.errors import DamagedSlide
from tiles.coding import COPYABLE, check
from tiles.errors import DamagedCodestream
from tiles.plan import Plan
from tiles.source import TileSource, frames_in_order


def check_unread(source: TileSource, plan: Plan) -> None:
    """Check the structure of every tile of the levels from which a plan makes nothing.

    Damage there says that the file was damaged on its way, and what else it hit nobody knows.
    Raises DamagedSlide naming the tile.
    """
    read = {step.source_level for step in plan.levels}
    for number, level in enumerate(source.pyramid.levels):
        if number in read or source.encoding(number) not in COPYABLE:
            continue
        tiles = frames_in_order(source, number, range(level.columns), range(level.rows))
        for index, frame in enumerate(tiles):
            if frame is None:
                continue
            try:
                check(frame, level.tile_width, level.tile_height)
            except DamagedCodestream as error:
                row, column = divmod(index, level.columns)
                raise DamagedSlide(
                    f"level {number}, tile ({column}, {row}) is damaged: {error}; "
                    "fetch the file again from the scanner"
                ) from error
