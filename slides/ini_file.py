"""Text files of sections and keys, as some scanners write them beside their pictures."""

from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

from slides.errors import DamagedSlide, MissingFile


def read_ini(path: Path) -> ConfigParser:
    """The sections of a file, keys in lower case; raises DamagedSlide."""
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(path.read_text("utf-8-sig", errors="replace"))
    except ConfigError as error:
        raise _damaged(path) from error
    return parser


def named_files(path: Path, section: str, *prefixes: str) -> list[str]:
    """The names of files that a section lists under keys of these beginnings."""
    parser = read_ini(path)
    if section not in parser:
        raise _damaged(path)
    lowered = tuple(prefix.lower() for prefix in prefixes)
    return [
        value
        for key, value in parser[section].items()
        if key.startswith(lowered) and key != "file_count" and value
    ]


def present(folder: Path, names: "list[str] | tuple[str, ...]") -> tuple[Path, ...]:
    """The files of a folder with these names; raises MissingFile where some are not there."""
    files = tuple(folder / Path(name).name for name in dict.fromkeys(names))
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise MissingFile(
            f"{len(missing)} of the {len(files)} files it consists of are missing; "
            "send the whole slide",
            missing=tuple(file.name for file in missing),
        )
    return files


def _damaged(path: Path) -> DamagedSlide:
    return DamagedSlide(f"{path.suffix} index is damaged; fetch the slide again")
