"""Pictures for those who read no DICOM (8.3.5, 8.7.4 and 10.4)."""

import io

from PIL import Image

from tests.api.dicomweb.contract.server import Server, frame, shall
from tests.api.dicomweb.parts import parts_of


def _frame(one: Server) -> str:
    return f"{one.instance}/frames/1/rendered"


@shall("8.7.4", "rendered, an instance is a JPEG unless something else is asked for")
def _(one: Server) -> None:
    assert one.picture(f"{one.instance}/rendered", "*/*").format == "JPEG"
    assert one.picture(f"{one.instance}/rendered", "image/png").format == "PNG"


@shall("8.7.4", "a JPEG is of the baseline process")
def _(one: Server) -> None:
    data = one.get(_frame(one), "image/jpeg").content
    assert b"\xff\xc0\x00\x11\x08" in data
    assert b"\xff\xc2" not in data[:1000]


@shall("8.7.4", "a picture has no more than 8 bits a sample")
def _(one: Server) -> None:
    assert one.picture(_frame(one), "image/png").mode in {"L", "RGB", "RGBA", "P"}


@shall("8.7.4", "a single frame is a GIF for those who ask")
def _(one: Server) -> None:
    assert one.picture(_frame(one), "image/gif").format == "GIF"


@shall("10.4.3.3.3", "rendered, a frame is a picture of that frame")
def _(one: Server) -> None:
    with Image.open(io.BytesIO(frame(one.level, 2))) as expected:
        picture = one.picture(f"{one.instance}/frames/2/rendered").convert("RGB")
        assert picture.size == expected.size
        near = [abs(a - b) for a, b in zip(picture.tobytes(), expected.tobytes(), strict=True)]
    assert sum(near) / len(near) < 3


@shall("10.4.3.3.3", "rendered, several frames are a picture each, in the order of the list")
def _(one: Server) -> None:
    kind = 'multipart/related; type="image/png"'
    parts = parts_of(one.get(f"{one.instance}/frames/2,1/rendered", kind))
    alone = [one.picture(f"{one.instance}/frames/{each}/rendered") for each in (2, 1)]
    assert [Image.open(io.BytesIO(data)).tobytes() for _, data in parts] == [
        each.tobytes() for each in alone
    ]


@shall("10.4.3.3.3", "rendered, a study and a series are pictures of all their instances")
def _(one: Server) -> None:
    for where in (one.study, one.series):
        answer = one.get(f"{where}/rendered", 'multipart/related; type="image/jpeg"')
        assert len(parts_of(answer)) == len(one.held)


@shall("8.3.5.1.1", "an annotation that nobody knows, or none, is 400")
def _(one: Server) -> None:
    for value in ("astrology", ""):
        assert one.get(_frame(one), "image/png", annotation=value).status_code == 400


@shall("8.3.5.1.1", "annotations are burnt in, or `Warning` names those that are not")
def _(one: Server) -> None:
    plain = one.picture(_frame(one))
    answer = one.get(_frame(one), "image/png", annotation="patient,technique")
    assert answer.status_code == 200
    warning = answer.headers.get("warning", "")
    is_named = warning.startswith("299") and "patient" in warning and "technique" in warning
    assert is_named or Image.open(io.BytesIO(answer.content)).tobytes() != plain.tobytes()


@shall("8.3.5.1.2", "a quality of 1 to 100 is heeded, any other is 400")
def _(one: Server) -> None:
    sizes = [len(one.get(_frame(one), "image/jpeg", quality=each).content) for each in ("10", "95")]
    assert sizes[0] < sizes[1]
    for wrong in ("0", "101", "best", ""):
        assert one.get(_frame(one), "image/jpeg", quality=wrong).status_code == 400


@shall("8.3.5.1.3", "a viewport holds the picture, whose shape stays")
def _(one: Server) -> None:
    width, height = one.picture(_frame(one)).size
    picture = one.picture(_frame(one), viewport="100,1000")
    assert picture.size == (100, round(100 * height / width))


@shall("8.3.5.1.3", "a viewport that is larger than the picture enlarges it")
def _(one: Server) -> None:
    width, height = one.picture(_frame(one)).size
    picture = one.picture(_frame(one), viewport=f"{2 * width},{4 * height}")
    assert picture.size == (2 * width, 2 * height)


@shall("8.3.5.1.3", "a viewport's part of the image is cut before it is scaled")
def _(one: Server) -> None:
    whole = one.picture(_frame(one)).convert("RGB")
    part = one.picture(_frame(one), viewport="60,40,10,20,60,40").convert("RGB")
    assert part.tobytes() == whole.crop((10, 20, 70, 60)).tobytes()


@shall("8.3.5.1.3", "of a viewport what is left out is the whole")
def _(one: Server) -> None:
    whole = one.picture(_frame(one)).convert("RGB")
    width, height = whole.size
    part = one.picture(_frame(one), viewport=f"{width},{height},,,60,40").convert("RGB")
    assert part.size[0] / part.size[1] == 1.5
    same = one.picture(_frame(one), viewport=f"{width},{height},10,20")
    assert same.size == (width, round(width * (height - 20) / (width - 10)))


@shall("8.3.5.1.3", "a part of negative width or height is mirrored or upside down")
def _(one: Server) -> None:
    plain = one.picture(_frame(one), viewport="60,40,10,20,60,40").convert("RGB")
    for part, way in (
        ("-60,40", Image.Transpose.FLIP_LEFT_RIGHT),
        ("60,-40", Image.Transpose.FLIP_TOP_BOTTOM),
    ):
        picture = one.picture(_frame(one), viewport=f"60,40,10,20,{part}").convert("RGB")
        assert picture.tobytes() == plain.transpose(way).tobytes()


@shall("8.3.5.1.3", "without a viewport a frame has its own size")
def _(one: Server) -> None:
    assert one.picture(_frame(one)).size == (one.level.Columns, one.level.Rows)


@shall("8.3.5.1.3", "a viewport that means nothing is 400")
def _(one: Server) -> None:
    for wrong in ("10", "0,10", "-5,5", "a,b", "1,2,3,4,5,6,7"):
        assert one.get(_frame(one), "image/png", viewport=wrong).status_code == 400, wrong


@shall("8.3.5.1.4", "a window that lacks its shape, or has none that is known, is 400")
def _(one: Server) -> None:
    for wrong in ("10,20", "10,20,oval", "10", "a,b,linear"):
        assert one.get(_frame(one), "image/png", window=wrong).status_code == 400, wrong


@shall("8.3.5.1.5", "`iccprofile=no` puts none into the picture, `yes` and `srgb` one")
def _(one: Server) -> None:
    for told, there in (("no", False), ("yes", True), ("srgb", True)):
        assert ("icc_profile" in one.picture(_frame(one), iccprofile=told).info) is there


@shall("8.3.5.1.5", "the colours of Adobe RGB and ROMM RGB")
def _(one: Server) -> None:
    for colours in ("adobergb", "rommrgb"):
        assert "icc_profile" in one.picture(_frame(one), iccprofile=colours).info


@shall("8.3.5.1.5", "colours that nobody knows are 400")
def _(one: Server) -> None:
    assert one.get(_frame(one), "image/png", iccprofile="sepia").status_code == 400


@shall("10.4.1.1.4", "a study, a series, an instance and a frame have a thumbnail")
def _(one: Server) -> None:
    for where in (one.study, one.series, one.instance, f"{one.instance}/frames/1"):
        picture = one.picture(f"{where}/thumbnail", "image/jpeg", viewport="64,64")
        assert max(picture.size) == 64


@shall("10.4.3.3.4", "a thumbnail is one picture, and never that of a label")
def _(one: Server) -> None:
    widest = max(one.held, key=lambda each: int(each.get("NumberOfFrames", 1)))
    shape = widest.TotalPixelMatrixColumns / widest.TotalPixelMatrixRows
    for where in (one.study, one.series):
        picture = one.picture(f"{where}/thumbnail", "*/*")
        assert abs(picture.size[0] / picture.size[1] - shape) < 0.05


@shall("8.3.5.2", "a thumbnail of a part, or of a viewport that means nothing, is 400")
def _(one: Server) -> None:
    for wrong in ("64,64,1,1,10,10", "0,0", "x"):
        answer = one.get(f"{one.instance}/thumbnail", "image/jpeg", viewport=wrong)
        assert answer.status_code == 400, wrong
