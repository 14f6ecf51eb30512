"""A person's face: a portrait in the public domain, which a test tool brings along."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from skimage import data


@cache
def portrait() -> NDArray[np.uint8]:
    """The upper half of a person, 512 pixels wide and high, in R, G, B."""
    return np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
