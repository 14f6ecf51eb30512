"""Conversion without loss: which levels would lose, and what to ask for instead."""

from slides.errors import LossRefused
from tiles import plan as planning
from tiles.plan import Plan
from tiles.source import TileSource


def refuse_loss(source: TileSource, plan: Plan) -> None:
    """Raise LossRefused for a plan that encodes the source's own pixels with loss.

    Levels that are derived have new pixels: they are let pass, in whatever they are kept.
    """
    if not plan.losses:
        return
    number = plan.losses[0]
    more = len(plan.losses) - 1
    others = f" (and {more} more)" if more else ""
    as_stored = not planning.stored(source).losses
    instead = "--levels source, which copies all of them" if as_stored else "--to zarr"
    raise LossRefused(
        f"level {number}{others} would be compressed with loss: {plan.levels[number].reason}; "
        f"ask for {instead}, or leave --lossless-only out"
    )
