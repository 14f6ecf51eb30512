"""The zarr codecs that read the frames of a DICOM instance as chunks.

zarr finds them by the names under which they are entered in pyproject.toml, in any program that
runs where this package is installed. The names, and what they mean, are those of the package
imagecodecs-zarr, so that programs without ours read the same arrays; these refuse a frame that
does not decode to its end, where those fill in grey.
"""

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import zarr
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer
from zarr.core.common import JSON, parse_named_configuration
from zarr.registry import register_codec

from tiles.codec import decode
from tiles.errors import DamagedCodestream, UnsupportedPixels
from tiles.ngff import FRAME_CODECS
from tiles.source import Encoding, Frame


@dataclass(frozen=True)
class EncodedFrame(ArrayBytesCodec):
    """A chunk that is one encoded picture: (rows, columns, samples), or (rows, columns) if grey."""

    is_fixed_size = False
    encoding: ClassVar[Encoding]

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """The codec as an array's metadata asks for it; raises ValueError for any option."""
        name = FRAME_CODECS[cls.encoding]
        _, options = parse_named_configuration(data, name, require_configuration=False)
        if options:
            raise ValueError(f"the codec {name} is read here without options, not {set(options)}")
        return cls()

    def to_dict(self) -> dict[str, JSON]:
        """The codec as metadata has it."""
        return {"name": FRAME_CODECS[self.encoding]}

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        pixels = decode(Frame(chunk_data.to_bytes(), self.encoding))
        wanted = tuple(extent for extent in chunk_spec.shape if extent > 1)
        if tuple(extent for extent in pixels.shape if extent > 1) != wanted:
            raise DamagedCodestream(f"a frame has the extents {pixels.shape}, not {wanted}")
        if pixels.dtype != np.dtype(chunk_spec.dtype.to_native_dtype()):
            raise DamagedCodestream(f"a frame holds {pixels.dtype}, unlike its array")
        return chunk_spec.prototype.nd_buffer.from_numpy_array(pixels.reshape(chunk_spec.shape))

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        # The decoders let other threads run, so that several chunks are decoded at once.
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        del chunk_data, chunk_spec
        raise UnsupportedPixels("a DICOM instance is read as zarr, not written as such")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Not to be known beforehand, which zarr asks its codecs to say so."""
        raise NotImplementedError


class Jpeg(EncodedFrame):
    """Baseline JPEG."""

    encoding = Encoding.JPEG_BASELINE


class Jpeg2000(EncodedFrame):
    """JPEG 2000, lossy or not."""

    encoding = Encoding.JPEG_2000


class HighThroughputJpeg2000(EncodedFrame):
    """High-throughput JPEG 2000."""

    encoding = Encoding.HTJ2K


class JpegLs(EncodedFrame):
    """JPEG-LS."""

    encoding = Encoding.JPEG_LS


ALL: tuple[type[EncodedFrame], ...] = (Jpeg, Jpeg2000, HighThroughputJpeg2000, JpegLs)


def register() -> None:
    """Make the codecs known to zarr in this process, installed or not."""
    for codec in ALL:
        register_codec(FRAME_CODECS[codec.encoding], codec)


def _prefer() -> None:
    """Choose these where others of the same names are installed, unless somebody has chosen."""
    chosen = zarr.config.get("codecs", {})
    for codec in ALL:
        name = FRAME_CODECS[codec.encoding]
        if name not in chosen:
            zarr.config.set({f"codecs.{name}": f"{codec.__module__}.{codec.__qualname__}"})


_prefer()
