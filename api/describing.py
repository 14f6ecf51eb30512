"""Instances that an earlier version stored are found by DICOM's queries as the others are."""

import logging
from functools import partial

from api.work import Workplace
from archive.described import described
from archive.errors import ArchiveError
from tiles.errors import TilesError

LOG = logging.getLogger("sansverre.worker")
AT_ONCE = 20


class Describing:
    """Goes through them once, some at a time, when nothing else is to be done."""

    def __init__(self) -> None:
        self._after: str | None = ""

    def some(self, place: Workplace) -> bool:
        """Write down what is known of the next ones; False where there are none left.

        Those that are damaged are told and left. Raises what the catalogue raises.
        """
        if self._after is None:
            return False
        found = place.catalog.instances.lacking(self._after, AT_ONCE)
        self._after = found[-1]["key"] if found else None
        for one in found:
            try:
                _describe(place, one["image_id"], one["key"], one["length_bytes"])
            except (ArchiveError, TilesError, AttributeError, TypeError, ValueError) as error:
                LOG.error("an instance cannot be searched: %s", type(error).__name__)  # noqa: TRY400
        return bool(found)


def _describe(place: Workplace, image_id: str, key: str, length_bytes: int) -> None:
    # A worker has no other use for it.
    from tiles.instance import read_header

    header, _ = read_header(partial(place.storage.read_range, key), length_bytes)
    place.catalog.instances.describe(image_id, key, described(header))
