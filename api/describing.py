"""Instances that an earlier version stored are found by DICOM's queries as the others are."""

import logging
from functools import partial

from api.work import Workplace
from archive.described import described
from archive.errors import ArchiveError
from tiles.errors import TilesError
from tiles.instance import read_header

LOG = logging.getLogger("sansverre.worker")
AT_ONCE = 200


def describe_lacking(place: Workplace) -> int:
    """Write down what is known of them; gives how many. Those that are damaged are told and left.

    Raises what the catalogue raises.
    """
    instances, after, done = place.catalog.instances, "", 0
    while found := instances.lacking(after, AT_ONCE):
        for one in found:
            after = one["key"]
            read = partial(place.storage.read_range, after)
            try:
                header, _ = read_header(read, one["length_bytes"])
                instances.describe(one["image_id"], after, described(header))
            except (ArchiveError, TilesError, AttributeError, ValueError) as error:
                LOG.error("an instance cannot be searched: %s", type(error).__name__)  # noqa: TRY400
                continue
            done += 1
    return done
