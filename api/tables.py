"""The tables that settings name: files of TOML."""

import tomllib
from pathlib import Path
from typing import Any

from api.errors import BadSettings


def table_in(file: Path, setting: str) -> dict[str, Any]:
    """What a file says; raises BadSettings, naming it and the setting that names it.

    The words of a line that is no TOML are repeated: not for tables that hold secrets.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(f"{file} cannot be read ({error.strerror}): see {setting}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{file} is no TOML: {error}") from error
