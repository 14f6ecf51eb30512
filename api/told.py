"""What commands tell people, a line a fact."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.ingest import Order, Taken


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
    rows += _scenes(told)
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


def _scenes(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The pictures of a file that holds several, and which of them the levels are of."""
    for one in told["scenes"]:
        shown = ", its levels are these:" if one["scene"] == told["scene"] else ""
        name = f", {one['name']}" if one["name"] else ""
        yield f"scene {one['scene']}", f"{one['width']} × {one['height']}{name}{shown}"
    if told["scenes"] and told["scene"] is None:
        yield "canvas", "all scenes lie on one, and its levels are these:"


def plan(news: list[dict[str, Any]]) -> Iterator[str]:
    """What a conversion is about to do with each scene, and what headers will say."""
    for scene in news:
        yield from _heading(scene)
        for number, step in enumerate(scene["levels"]):
            size = f"{step['width']} × {step['height']}"
            come_from = "" if step["source_level"] is None else f"from {step['source_level']}, "
            why = printable(f"{step['action']}: {come_from}{step['reason']}")
            yield f"level {number:<4}{size:18}{why}"
        for name, one in scene["described"].items():
            said = printable(f"{one.get('value', '(not shown)')}, from the {one['from']}")
            yield f"{name:22}{said}"


def proof(report: dict[str, Any]) -> Iterator[str]:
    """What was found of each level when it was read again, if it was."""
    for scene in _scenes_of(report):
        if scene["verified"] is None:
            continue
        yield from _heading(scene)
        yield from map(_proof_of_level, scene["verified"]["levels"])


def _scenes_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    several = report.get("scenes")
    return several if isinstance(several, list) else [report]


def _proof_of_level(one: dict[str, Any]) -> str:
    across = f" in {one['planes']} planes" if one["planes"] > 1 else ""
    found = [f"{one['copied']} copied, their bytes equal"] if one["copied"] else []
    if one["equal"]:
        found.append(f"{one['equal']} encoded, their pixels equal")
    if one["compared"]:
        found.append(
            f"{one['compared']} encoded at {one['psnr_db']:.1f} dB (lowest "
            f"{one['lowest_psnr_db']:.1f}), SSIM {one['ssim']:.3f} (lowest "
            f"{one['lowest_ssim']:.3f})"
        )
    what = "; ".join((*found, f"{one['missing']} missing"))
    return f"level {one['level']:<4}verified: {one['tiles']} tiles{across}: {what}"


def published(file: str, taken: "Taken", order: "Order") -> dict[str, Any]:
    """What became of a file, or of one of its scenes, for machines."""
    told: dict[str, Any] = {
        "file": file,
        "image": taken.image,
        "exam": taken.exam,
        "study_instance_uid": taken.study_instance_uid,
        "state": taken.state,
    }
    if taken.scene is not None:
        told |= {"scene": taken.scene, "scenes": taken.scenes}
    return told | ({"verified": taken.verified} if order.verify else {})


def as_published(told: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    scene = told.get("scene")
    if told.get("verified") is not None:
        yield from proof({"scene": None, **told})
    of_several = f" (scene {scene} of {told['scenes']})" if scene is not None else ""
    yield printable(f"{told['file']}: {told['state']}{of_several}")


def _heading(scene: dict[str, Any]) -> Iterator[str]:
    if scene["scene"] is not None:
        yield f"scene {scene['scene']}"


def printable(text: str) -> str:
    """A text in one line, without what a terminal obeys, or what no encoding has."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
