"""What can go wrong with pixels.

TilesError
├── OutsideImage        (LookupError)   an address no level has
├── MalformedRequest    (ValueError)    a region, size or rotation that means nothing
├── DamagedCodestream   (ValueError)    encoded bytes that do not decode completely
├── UnsupportedPixels   (ValueError)    a valid image of a kind this software does not handle
├── DamagedInstance     (ValueError)    a DICOM instance whose frames cannot be found
├── DamagedShard        (ValueError)    a zarr shard whose index is cut, foreign or wrong
├── NoLinks             (OSError)       a file system on which no file can have two names
├── DamagedTileMap      (ValueError)    a map of an original's tiles that cannot be followed
└── ShortRead           (OSError)       fewer bytes than the header promised
"""


class TilesError(Exception):
    """Any failure of this package."""


class OutsideImage(TilesError, LookupError):
    """The address lies outside the image or names a level it does not have."""


class MalformedRequest(TilesError, ValueError):
    """What is asked for of an image is not well formed, empty, or larger than is made."""


class DamagedCodestream(TilesError, ValueError):
    """The encoded bytes of a tile are malformed or incomplete."""


class UnsupportedPixels(TilesError, ValueError):
    """The pixels are of a kind (depth, samples, encoding) this software does not handle."""


class DamagedInstance(TilesError, ValueError):
    """A DICOM instance whose frames cannot be addressed."""


class DamagedShard(TilesError, ValueError):
    """A zarr shard, or an instance that is to be one, without an index that can be trusted."""


class NoLinks(TilesError, OSError):
    """One set of bytes was to be seen under two names, and the file system allows only one."""


class DamagedTileMap(TilesError, ValueError):
    """A tile map that is none, or that points to where no tile can be."""


class ShortRead(TilesError, OSError):
    """The file or object ends before the bytes its header promises."""
