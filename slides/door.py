"""What is looked at before a slide is taken, though nothing is made of it."""

from slides.errors import DamagedSlide
from tiles.coding import COPYABLE, check, header_of_all
from tiles.errors import DamagedCodestream
from tiles.plan import Plan
from tiles.pyramid import Level
from tiles.source import Frame, Run, TileSource, runs_in_order


def check_unread(source: TileSource, plan: Plan) -> None:
    """Check the structure of every tile of the levels from which a plan makes nothing.

    Damage there says that the file was damaged on its way, and what else it hit nobody knows.
    Raises DamagedSlide naming the tile.
    """
    read = {step.source_level for step in plan.levels}
    for number, level in enumerate(source.pyramid.levels):
        if number in read or source.encoding(number) not in COPYABLE:
            continue
        runs = runs_in_order(source, number, range(level.columns), range(level.rows))
        index = 0
        for run in runs:
            _check(run, number, level, index)
            index += len(run.tiles)


def _check(run: Run, number: int, level: Level, index: int) -> None:
    header = header_of_all(run)
    # Where all begin alike, one tells of the others.
    for tile in run.tiles if header is None else run.tiles[:1]:
        try:
            if tile is not None:
                check(Frame(tile, run.encoding), level.tile_width, level.tile_height)
        except DamagedCodestream as error:
            row, column = divmod(index, level.columns)
            raise DamagedSlide(
                f"level {number}, tile ({column}, {row}) is damaged: {error}; "
                "fetch the file again from the scanner"
            ) from error
        index += 1
