"""What addresses of the IIIF Image API mean: sections (§) of its version 3.0."""

import re
from math import isqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tiles.errors import MalformedRequest
from tiles.iiif import Asked, Limits, fitted, read_request, tile_asked_for
from tiles.pyramid import Box, DeepZoom

LIMITS = Limits(8192, 8192, 1 << 24)
EXTENTS = st.tuples(st.integers(1, 200_000), st.integers(1, 200_000))


def ask(address: str, extents: tuple[int, int] = (1100, 700), limits: Limits = LIMITS) -> Asked:
    """What an address means: region/size/rotation/quality.format."""
    region, size, rotation, last = address.split("/")
    quality, form = last.split(".")
    return read_request((region, size, rotation, quality, form), extents, limits)


def region(text: str, extents: tuple[int, int] = (300, 200)) -> tuple[int, int, int, int]:
    box = ask(f"{text}/max/0/default.jpg", extents).region
    return box.x, box.y, box.width, box.height


def size(text: str, part: str = "full", limits: Limits = LIMITS) -> tuple[int, int]:
    asked = ask(f"{part}/{text}/0/default.jpg", (300, 200), limits)
    return asked.width, asked.height


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("full", (0, 0, 300, 200)),
        ("square", (50, 0, 200, 200)),
        ("125,15,120,140", (125, 15, 120, 140)),
        ("pct:41.6,7.5,40,70", (125, 15, 120, 140)),
        ("125,15,200,200", (125, 15, 175, 185)),
        ("pct:41.6,7.5,66.6,100", (125, 15, 175, 185)),
        ("pct:0,0,100,100", (0, 0, 300, 200)),
        ("pct:.5,0.50,99.5,100", (2, 1, 298, 199)),
        ("0,0,1,1", (0, 0, 1, 1)),
        ("299,199,9,9", (299, 199, 1, 1)),
        ("pct:0,0,0.001,0.001", (0, 0, 1, 1)),
    ],
)
def test_the_specifications_examples_of_regions(
    text: str, expected: tuple[int, int, int, int]
) -> None:
    """§4.1, whose picture has 300 × 200 pixels."""
    assert region(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "Full", "full ", "0,0,0,10", "0,0,10,0", "300,0,10,10", "0,200,1,1", "1,2,3"),
        *("1,2,3,4,5", "-1,0,10,10", "+1,0,10,10", "1.5,0,10,10", "0,0,1e3,1", "pct:0,0,0,10"),
        *("pct:101,0,10,10", "pct:-1,0,9,9", "pct:1,2,3", "pct:a,b,c,d", "pct:0,0,1e1,1"),
        *("٣,0,10,10", "0,0,10,10\n", "0, 0,10,10", "0,0,9999999999,1", "pct:", "square,"),
    ],
)
def test_what_is_no_region(text: str) -> None:
    """§4.1: nothing of it, or nothing in it, is answered with 400."""
    with pytest.raises(MalformedRequest):
        region(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max", (300, 200)),
        ("150,", (150, 100)),
        (",150", (225, 150)),
        ("pct:50", (150, 100)),
        ("225,100", (225, 100)),
        ("!225,100", (150, 100)),
        ("!2000,3000", (300, 200)),
        ("^360,", (360, 240)),
        ("^,240", (360, 240)),
        ("^pct:120", (360, 240)),
        ("^360,360", (360, 360)),
        ("^!360,360", (360, 240)),
        ("^150,", (150, 100)),
        ("^225,100", (225, 100)),
        ("1,", (1, 1)),
        ("pct:0.5", (2, 1)),
    ],
)
def test_the_specifications_examples_of_sizes(text: str, expected: tuple[int, int]) -> None:
    """§4.2."""
    assert size(text) == expected


def test_the_largest_sizes_keep_within_the_limits() -> None:
    """§4.2: `max` is what there is, within limits; `^max` is what the limits allow."""
    assert size("max", limits=Limits(200, 8192, 1 << 24)) == (200, 133)
    assert size("^max", limits=Limits(360, 8192, 1 << 24)) == (360, 240)
    assert size("^max", limits=Limits(8192, 100, 1 << 24)) == (150, 100)
    assert size("max", limits=Limits(8192, 8192, 15_000)) == (150, 100)
    assert size("!250,250", limits=Limits(8192, 8192, 15_000)) == (150, 100)


@pytest.mark.parametrize(
    "text",
    [
        *("", "full", "^", ",", "^,", "!,", "!10,", "!,10", "0,", ",0", "0,10", "10,0", "!0,10"),
        *("pct:0", "pct:", "pct:0.01", "^pct:0", "-1,", "+1,", "1.5,", "10, 10", "a,b", "^^10,"),
        *("!^10,10", "!max", "!pct:10", "pct:1e1", "pct:-5", "^full", "10,10,10", "٣,", "max\n"),
        # Above the region's own without ^.
        *("301,", ",201", "301,10", "10,201", "pct:100.1", "pct:200"),
        # Above the limits.
        *("^8193,", "^1,8193", "^8192,8192", "^pct:9999"),
    ],
)
def test_what_is_no_size(text: str) -> None:
    """§4.2: answered with 400."""
    with pytest.raises(MalformedRequest):
        size(text)


def test_sizes_are_those_of_the_region_and_not_of_the_image() -> None:
    """§4.2: what is scaled is the extracted region."""
    assert size("max", "0,0,100,50") == (100, 50)
    assert size("50,", "0,0,100,50") == (50, 25)
    with pytest.raises(MalformedRequest):
        size("101,", "0,0,100,50")


@pytest.mark.parametrize(
    ("text", "mirrored", "degrees", "canonical"),
    [
        ("0", False, 0, "0"),
        ("90", False, 90, "90"),
        ("!0", True, 0, "!0"),
        ("!180", True, 180, "!180"),
        ("22.5", False, 22.5, "22.5"),
        ("022.500", False, 22.5, "22.5"),
        (".5", False, 0.5, "0.5"),
        ("360", False, 0, "0"),
        ("90.0", False, 90, "90"),
        ("359.9", False, 359.9, "359.9"),
    ],
)
def test_rotations(text: str, mirrored: bool, degrees: float, canonical: str) -> None:
    """§4.3, and §4.7 for how numbers are written."""
    asked = ask(f"full/max/{text}/default.jpg")
    assert (asked.mirrored, asked.degrees) == (mirrored, degrees)
    assert asked.canonical == f"full/max/{canonical}/default.jpg"


@pytest.mark.parametrize(
    "text", ["", "!", "-90", "+90", "361", "360.1", "a", "90!", "!!90", "1e2", "90.", "٣", "90\n"]
)
def test_what_is_no_rotation(text: str) -> None:
    """§4.3: out of range or not understood is answered with 400."""
    with pytest.raises(MalformedRequest):
        ask(f"full/max/{text}/default.jpg")


@pytest.mark.parametrize(
    "last", ["Default.jpg", "grey.jpg", "native.jpg", "default.jpeg", "default.tif", "default.JPG"]
)
def test_what_is_no_quality_or_format(last: str) -> None:
    """§4.4 and §4.5: answered with 400."""
    with pytest.raises(MalformedRequest):
        ask(f"full/max/0/{last}")


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        ("0,0,1100,700/max/0/default.jpg", "full/max/0/default.jpg"),
        ("pct:0,0,100,100/pct:100/!0.0/color.png", "full/max/!0/color.png"),
        ("full/1100,700/0/default.jpg", "full/max/0/default.jpg"),
        ("full/550,/0/default.jpg", "full/550,350/0/default.jpg"),
        ("square/,350/90/gray.webp", "200,0,700,700/350,350/90/gray.webp"),
        ("1000,600,500,500/max/0/default.jpg", "1000,600,100,100/max/0/default.jpg"),
        ("full/^550,/0/default.jpg", "full/550,350/0/default.jpg"),
        ("full/^1200,700/0/default.jpg", "full/^1200,700/0/default.jpg"),
        ("0,0,10,10/^max/0/default.jpg", "0,0,10,10/^max/0/default.jpg"),
        ("0,0,10,10/^4096,4096/0/default.jpg", "0,0,10,10/^max/0/default.jpg"),
    ],
)
def test_the_canonical_address(address: str, canonical: str) -> None:
    """§4.8."""
    assert ask(address).canonical == canonical


@given(st.data(), EXTENTS)
def test_every_address_is_what_its_canonical_form_is(
    data: st.DataObject, extents: tuple[int, int]
) -> None:
    """§4.8: one form for all that mean the same, and it means the same."""
    number = st.integers(0, 250_000).map(str)
    percent = st.decimals(0, 120, places=3).map(str)
    part = st.one_of(
        st.sampled_from(["full", "square"]),
        st.tuples(number, number, number, number).map(",".join),
        st.tuples(percent, percent, percent, percent).map(lambda one: "pct:" + ",".join(one)),
    )
    scale = st.tuples(
        st.sampled_from(["", "^"]),
        st.one_of(
            st.just("max"),
            number.map(lambda w: f"{w},"),
            number.map(lambda h: f",{h}"),
            st.tuples(number, number).map(",".join),
            st.tuples(number, number).map(lambda wh: "!" + ",".join(wh)),
            percent.map(lambda one: f"pct:{one}"),
        ),
    ).map("".join)
    turn = st.tuples(st.sampled_from(["", "!"]), percent).map("".join)
    address = "/".join((data.draw(part), data.draw(scale), data.draw(turn), "default.jpg"))
    try:
        asked = ask(address, extents)
    except MalformedRequest:
        return
    box = asked.region
    assert box.width >= 1
    assert box.height >= 1
    assert box == box.within(*extents)
    assert 1 <= asked.width <= LIMITS.width
    assert 1 <= asked.height <= LIMITS.height
    assert asked.width * asked.height <= LIMITS.area
    if "^" not in address:
        assert asked.width <= box.width
        assert asked.height <= box.height
    assert re.fullmatch(
        r"(full|\d+,\d+,\d+,\d+)/(\^?max|\^?\d+,\d+)/!?\d+(\.\d*[1-9])?/default\.jpg",
        asked.canonical,
    )
    again = ask(asked.canonical, extents)
    assert again == asked


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_any_other_text_is_refused_and_nothing_else(part: str, scale: str, turn: str) -> None:
    """§7.3: wrong syntax is the asker's fault, whatever it is."""
    try:
        asked = read_request((part, scale, turn, "default", "jpg"), (300, 200), LIMITS)
    except MalformedRequest:
        return
    assert asked.region == asked.region.within(300, 200)


@given(
    EXTENTS,
    st.builds(Limits, st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 1 << 24)),
    st.booleans(),
)
def test_the_largest_size_that_fits_is_as_large_as_can_be(
    extents: tuple[int, int], limits: Limits, enlarged: bool
) -> None:
    """§4.2 of `max`, `^max` and `!w,h`: no larger one of that shape lies within the limits."""
    width, height = fitted(*extents, limits, enlarged=enlarged)
    assert 1 <= width <= limits.width
    assert 1 <= height <= limits.height
    assert width * height <= limits.area
    if not enlarged:
        assert width <= extents[0]
        assert height <= extents[1]
    if enlarged or width < extents[0] or height < extents[1]:
        long, short = (0, 1) if extents[0] >= extents[1] else (1, 0)
        larger = (width, height)[long] + 1
        most = (limits.width, limits.height)
        other = max(1, larger * extents[short] / extents[long])
        assert (
            larger > most[long]
            or other > most[short]
            or larger * other > limits.area
            or (not enlarged and larger > extents[long])
        )
    assert isqrt(limits.area) >= min(width, height)


@given(st.integers(1, 50_000), st.integers(1, 50_000), st.sampled_from([240, 256, 512]), st.data())
def test_tiles_that_viewers_compute_are_those_of_deep_zoom(
    width: int, height: int, tile: int, data: st.DataObject
) -> None:
    """§5.4 and the specification's implementation notes: how a viewer asks for tiles."""
    view = DeepZoom(width, height, tile)
    halvings = data.draw(st.integers(0, view.count - 1))
    scale = 1 << halvings
    level = view.level(view.count - 1 - halvings)
    column = data.draw(st.integers(0, level.columns - 1))
    row = data.draw(st.integers(0, level.rows - 1))
    x, y = column * tile * scale, row * tile * scale
    across, down = min(tile * scale, width - x), min(tile * scale, height - y)
    address = f"{x},{y},{across},{down}/{-(-across // scale)},{-(-down // scale)}/0/default.jpg"
    asked = ask(address, (width, height), Limits(1 << 20, 1 << 20, 1 << 40))
    found = tile_asked_for(asked, view)
    assert found is not None
    grid = view.level(found[0])
    box = grid.box(*found[1:])
    assert (box.width, box.height) == (asked.width, asked.height)
    # Where several levels have the same tile, it is the same part of the picture.
    assert found == (view.count - 1 - halvings, column, row) or asked.region == Box(
        found[1] * tile << (view.count - 1 - found[0]),
        found[2] * tile << (view.count - 1 - found[0]),
        across,
        down,
    )


@given(EXTENTS, st.data())
def test_what_is_beside_the_grid_is_no_tile(extents: tuple[int, int], data: st.DataObject) -> None:
    """§5.4."""
    width, height = extents
    assume(width > 600)
    view = DeepZoom(width, height, 256)
    x = data.draw(st.integers(1, width - 300).filter(lambda one: one % 256))
    assert tile_asked_for(ask(f"{x},0,256,256/max/0/default.jpg", extents), view) is None
