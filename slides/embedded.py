"""A picture beside the slide that is a whole JPEG of its own."""

from slides.errors import DamagedSlide
from slides.limits import check_bomb, check_segment
from slides.slide import AssociatedImage, in_colour
from tiles.codec import decode_jpeg
from tiles.codestream import parse_jpeg
from tiles.errors import DamagedCodestream
from tiles.source import Encoding, Frame, Pixels


def embedded_jpeg(data: bytes, name: str) -> AssociatedImage:
    """A picture that is a JPEG of its own; raises DamagedSlide and TooLarge."""
    try:
        header = parse_jpeg(data)
    except DamagedCodestream as error:
        raise DamagedSlide(f"its {name} is damaged ({error}); fetch it again") from error
    check_bomb(header.width, header.height, header.samples, len(data))
    check_segment(name, header.width * header.height * header.samples)
    encoding = Encoding.JPEG_BASELINE if header.baseline else Encoding.JPEG

    def read() -> Pixels:
        return in_colour(decode_jpeg(data))

    return AssociatedImage(
        width=header.width,
        height=header.height,
        encoding=encoding,
        read=read,
        read_frame=lambda: Frame(data, encoding),
        stored_bytes=len(data),
    )
