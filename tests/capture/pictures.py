"""The photographs that are brought: real ones where there are some, else made, and spoilt ones."""

from functools import partial
from pathlib import Path

from PIL import Image, ImageFilter

from tests.samples import sample
from tests.samples.photo import Kind, make_photo

SKIN = "derm/clinical/PAT_460_893_307.png"
LESIONS = tuple(f"derm/dermoscopy/ISIC_000000{number}.jpg" for number in range(3))


def pictured(relative: str) -> Path:
    """The photograph of that name."""
    kind: Kind = "dermoscopy" if "dermoscopy" in relative else "clinical"
    made = partial(make_photo, kind=kind, seed=len(relative) + ord(relative[-5]))
    return sample(relative, partial(made, width=1022, height=767))


def blurred(folder: Path) -> Path:
    """A photograph that was taken with a shaking hand."""
    path = folder / "blurred.jpg"
    with Image.open(pictured(LESIONS[0])) as picture:
        picture.filter(ImageFilter.GaussianBlur(6)).save(path, quality=92)
    return path
