"""What `sansverre info` tells people of a slide's file."""

from collections.abc import Iterator
from typing import Any


def lines(told: dict[str, Any]) -> Iterator[str]:
    """What `api.tasks.describe` found, a line a fact."""
    spacing = told["mpp_um"]
    rows = [
        ("format", told["format"]),
        ("pixel", f"{spacing[0]:.4g} × {spacing[1]:.4g} µm" if spacing else "size not stated"),
        ("objective", f"×{told['objective_power']:g}" if told["objective_power"] else "not stated"),
        ("ICC profile", "yes" if told["icc_profile"] else "no"),
        ("associated", ", ".join(told["associated_images"]) or "none"),
        ("barcodes", ", ".join(told["barcodes"]) or "none"),
    ]
    if told["bits"] > 8 or told["optical_paths"] * told["focal_planes"] > 1:
        rows[1:1] = _planes(told)
    for name, value in rows:
        yield f"{name:12}{value}"
    for number, level in enumerate(told["levels"]):
        yield (
            f"level {number:<6}{level['width']} × {level['height']}, "
            f"tiles {level['tile_width']} × {level['tile_height']}, {level['encoding']}"
        )


def _planes(told: dict[str, Any]) -> list[tuple[str, str]]:
    """What is said of a stack, and of values beyond what a screen shows."""
    names = ", ".join(name for name in told["channels"] if name)
    channels = f"{told['optical_paths']} of {told['bits']} bits"
    return [
        ("channels", f"{channels}: {names}" if names else channels),
        ("focus", f"{told['focal_planes']} planes" if told["focal_planes"] > 1 else "one plane"),
    ]
