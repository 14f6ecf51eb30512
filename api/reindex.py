"""DICOM files that lost their zarr index get it back, each whole or not at all."""

from pathlib import Path
from tempfile import TemporaryDirectory

from api.errors import NotTaken
from api.sandbox import limits_for, run_limited, size_of
from archive.durable import make_durable


def reindex(path: Path) -> bool:
    """Replace a file by itself with a right index; False where it has that already.

    Written beside and renamed, so that a crash leaves the one or the other. Raises NotTaken and
    SandboxError, each with what is wrong for people.
    """
    # What a link points to is replaced, not the link.
    path = path.resolve()
    if not path.is_file():
        raise NotTaken("there is no such file; check its name")
    try:
        beside = TemporaryDirectory(prefix=".sansverre-", dir=path.parent)
    except OSError as error:
        raise NotTaken(f"its folder is not to be written into: {error.strerror}") from error
    with beside as folder:
        draft = Path(folder, path.name)
        request = {"path": str(path), "draft": str(draft)}
        changed: bool = run_limited("api.tasks:reindex", request, limits_for(size_of(path)))
        if changed:
            draft.replace(path)
            make_durable(path.parent)
    return changed
