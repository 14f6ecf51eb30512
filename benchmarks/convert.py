"""Our converter, its peers and the machine's limits, side by side in one run.

    python -m benchmarks.convert [SLIDE...] [--times 1] [--repeat 5] [--without NAME] [--write]

Every contender converts the same slide in turn, again and again, so that whatever else the machine
does hits all of them alike; medians and their ratios are printed, and absolute times are worth
nothing anywhere else. `--write` puts the tables into docs/performance.md.

Without slides given, four are made: Aperio's layout with abbreviated RGB tiles and with complete
YCbCr ones, and, a quarter of their size, two compressed by Deflate, which no DICOM slide can hold:
one of colours, one of grey with 16 bits. `--times 3 --without ngff-zarr eubi` compares on slides of
ten gigapixels.
"""

import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import tifffile

from benchmarks.contenders import OURS, PEERS, ROOT, install, install_ourselves
from benchmarks.limits import TILE
from slides.open import open_slide
from tests.samples.mosaic import repeat
from tiles.pyramid import Box

FORMS = ("abbreviated-rgb", "complete-ycbcr")
PAGE = ROOT / "docs" / "performance.md"
LIMITS = ("copy", "passthrough", "half", "pyramid", "recode")
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
}
"""As people have it: modules are found where they are installed, and stay compiled."""

SIDE = 32_768
"""Every level that Aperio makes of it ends with a tile, so it can be repeated."""

LOSSLESS, DEEP = "deflate", "deflate16"
"""The forms of slide that must be encoded: of colours, and of grey with 16 bits."""


@dataclass
class Contender:
    """A program that turns SOURCE into OUT, and what it cost each time."""

    name: str
    command: Callable[[Path, Path], Sequence[str]]
    wall_s: list[float] = field(default_factory=list)
    work_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    work_mb: list[float] = field(default_factory=list)
    out_mb: float = 0.0

    def run(self, source: Path, out: Path) -> None:
        """Run once; raises CalledProcessError where it fails."""
        command = list(self.command(source, out))
        with tempfile.TemporaryFile("w+") as output:
            start = time.perf_counter()
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, env=ENVIRONMENT
            )
            # wait4, as getrusage would give the largest of all children so far.
            _, status, usage = os.wait4(process.pid, 0)
            self.wall_s.append(time.perf_counter() - start)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            text = output.read()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, text)
        for name, said in re.findall(r"(work_s|work_mb)=([\d.]+)", text):
            getattr(self, name).append(float(said))
        self.cpu_s.append(usage.ru_utime + usage.ru_stime)
        self.peak_mb.append(usage.ru_maxrss * (1e-6 if sys.platform == "darwin" else 1.024e-3))
        # Some put an ending to the name they are given.
        self.out_mb = sum(_size(made) for made in out.parent.glob(f"{out.name}*")) / 1e6


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    found = (one.stat() for one in path.rglob("*") if one.is_file())
    # What has two names is there once.
    return sum({status.st_ino: status.st_size for status in found}.values())


def limits(python: str, *names: str) -> list[Contender]:
    """The machine's limits."""
    return [Contender(f"limit: {name}", partial(_module, python, "limits", name)) for name in names]


def ours(python: str, *names: str) -> list[Contender]:
    """Our command as people run it, and the same work after start-up."""
    made = []
    for name in names:
        made.append(Contender(f"sansverre {name}", partial(_command, python, OURS[name])))
        work = partial(_module, python, "contenders", name)
        made.append(Contender(f"sansverre {name}, work alone", work))
    return made


def _command(python: str, options: Sequence[str], source: Path, out: Path) -> Sequence[str]:
    # As a module: the script of the same name may be that of another tree.
    return (python, "-m", "api.cli", "convert", str(source), str(out), *options)


def _module(python: str, module: str, name: str, source: Path, out: Path) -> Sequence[str]:
    return (python, "-m", f"benchmarks.{module}", name, str(source), str(out))


def peers(folder: Path) -> list[Contender]:
    """Others' tools, installed where they are not yet."""
    tools = {name: install(name, folder) for name in PEERS}
    wsi = tools["wsidicomizer"]
    dicom = wsi.program("wsidicomizer")
    ngff, eubi = tools["ngff-zarr"], tools["eubi-bridge-lite"]
    return [
        Contender(f"wsidicomizer {wsi.version}", lambda s, o: (dicom, "-i", str(s), "-o", str(o))),
        Contender(
            f"wsidicomizer {wsi.version}, missing levels",
            lambda s, o: (dicom, "-i", str(s), "-o", str(o), "--add-missing-levels"),
        ),
        Contender(
            f"ngff-zarr {ngff.version}",
            lambda s, o: (ngff.program("ngff-zarr"), "-i", str(s), "-o", f"{o}.ome.zarr"),
        ),
        Contender(
            f"eubi-bridge-lite {eubi.version}",
            lambda s, o: (eubi.program("eubi"), "to_zarr", str(s), str(o)),
        ),
    ]


def compare(source: Path, contenders: list[Contender], repeat: int, scratch: Path) -> str:
    """Run all in turn, `repeat` times, and give the table of medians."""
    for round_ in range(repeat):
        for contender in contenders:
            out = scratch / "out"
            print(f"{source.name}: round {round_ + 1}, {contender.name}", file=sys.stderr)
            fetch_memory(3 * source.stat().st_size)
            contender.run(source, out)
            for left in scratch.glob("out*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    lines = [
        "| | wall s | work s | processor s | peak MB | of it work | out MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.name} | {statistics.median(one.wall_s):.2f} | {_median(one.work_s, 2)} "
        f"| {statistics.median(one.cpu_s):.2f} | {max(one.peak_mb):.0f} "
        f"| {_median(one.work_mb, 0)} | {one.out_mb:.1f} |"
        for one in contenders
    ]
    return "\n".join(lines)


def fetch_memory(size: int) -> None:
    """Have as much free memory as a contender fills with files, whoever ran before.

    Virtual machines give free memory back to their host, and it is slow to come again. It is done
    in another process, as the peak of a process begins with what its parent holds.
    """
    subprocess.run([sys.executable, "-c", f"b'1' * {size}"], check=True)


def _median(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f}" if values else ""


RATIOS = (
    ("times as fast as", "wall_s", "sansverre source", "wsidicomizer"),
    ("times as fast as", "wall_s", "sansverre full", "missing levels"),
    ("times as fast as", "wall_s", "sansverre zarr", "ngff-zarr"),
    ("times as fast as", "wall_s", "sansverre zarr", "eubi-bridge-lite"),
    ("times as fast as", "wall_s", "sansverre both", "ngff-zarr"),
    ("times as fast as", "wall_s", "sansverre both", "eubi-bridge-lite"),
    ("of the time of", "wall_s", "sansverre both", "sansverre source"),
    ("of the bytes of", "out_mb", "sansverre both", "sansverre source"),
    ("of the time of", "wall_s", "sansverre both full", "sansverre full"),
    ("of the bytes of", "out_mb", "sansverre both full", "sansverre full"),
    ("times as fast as", "wall_s", "sansverre both full", "ngff-zarr"),
    ("times as fast as", "wall_s", "sansverre both full", "eubi-bridge-lite"),
    ("of the bytes of", "out_mb", "sansverre both full", "ngff-zarr"),
    ("of the bytes of", "out_mb", "sansverre both full", "eubi-bridge-lite"),
    ("of the speed of", "work_s", "sansverre source, work alone", "limit: passthrough"),
    ("of the speed of", "work_s", "sansverre full, work alone", "limit: pyramid"),
    ("of the speed of", "work_s", "sansverre full, work alone", "limit: half"),
    ("of the speed of", "work_s", "sansverre source, work alone", "limit: inflate"),
)
"""What is said of ours and another, and by which of their figures."""


def ratios(contenders: list[Contender]) -> str:
    """How ours compare with peers and limits, as medians."""
    lines = []
    for words, figure, ours_name, part in RATIOS:
        mine = next((one for one in contenders if one.name == ours_name), None)
        other = next((one for one in contenders if _is(one, part)), None)
        if mine is not None and other is not None:
            share = _figure(mine, figure) / _figure(other, figure)
            value = share if words.startswith("of the") and figure != "work_s" else 1 / share
            lines.append(f"- {mine.name}: {value:.3g} {words} {other.name}")
    return "\n".join(lines)


def _is(one: Contender, part: str) -> bool:
    """Whether a contender is meant by a part of its name; a peer's plain command comes first."""
    return part in one.name and (part != "wsidicomizer" or "missing" not in one.name)


def _figure(one: Contender, name: str) -> float:
    return one.out_mb if name == "out_mb" else statistics.median(getattr(one, name))


def make(folder: Path, form: str, times: int) -> Path:
    """A slide of that form, `times` × 32,768 pixels a side, made once."""
    path = folder / f"{form}-{times * SIDE}{'.svs' if form in FORMS else '.tiff'}"
    if not path.exists():
        draft = folder / f"draft{path.suffix}"
        if form not in FORMS:
            make_lossless(draft, make(folder, FORMS[1], 1), deep=form == DEEP)
        elif times > 1:
            repeat(make(folder, form, 1), draft, times)
        else:
            size = ("--width", str(SIDE), "--height", str(SIDE))
            command = (sys.executable, "-m", "tests.samples.slide", draft, *size, "--form", form)
            subprocess.run(command, check=True)
        draft.rename(path)
    return path


def make_lossless(path: Path, source: Path, *, deep: bool) -> None:
    """The upper left quarter of a slide, compressed by Deflate; `deep`: its green, of 12 bits."""
    with open_slide(source) as slide:
        pixels, base = slide.source.pixels, slide.source.pyramid.levels[0]
        columns, rows = base.width // 2 // TILE, base.height // 2 // TILE
        boxes = (
            Box(column * TILE, row * TILE, TILE, TILE)
            for row in range(rows)
            for column in range(columns)
        )
        tiles = (pixels(0, box) for box in boxes)
        tifffile.imwrite(
            path,
            (tile[..., 1].astype(np.uint16) << 4 for tile in tiles) if deep else tiles,
            shape=(rows * TILE, columns * TILE, *(() if deep else (3,))),
            dtype=np.uint16 if deep else np.uint8,
            tile=(TILE, TILE),
            photometric="minisblack" if deep else "rgb",
            compression="zlib",
            resolution=(20_000, 20_000),
            resolutionunit="CENTIMETER",
            bigtiff=True,
        )


def main() -> None:
    """Compare on the slides given, or on one of each form."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("slides", nargs="*", type=Path)
    parser.add_argument("--times", type=int, default=1, help="3: slides of 98,304 pixels a side")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--without", nargs="+", default=[], help="parts of contenders' names")
    parser.add_argument("--only", nargs="+", default=[""], help="parts of contenders' names")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--append", action="store_true", help="after what the page says already")
    parser.add_argument("--folder", type=Path, help="where slides and peers are kept between runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as scratch:
        folder = options.folder or Path(scratch) / "kept"
        folder.mkdir(parents=True, exist_ok=True)
        forms = (*FORMS, LOSSLESS, DEEP) if options.times == 1 else FORMS
        slides = options.slides or [make(folder, form, options.times) for form in forms]
        parts = [] if options.append else [_machine()]
        for slide in slides:
            contenders = [
                one
                for one in _contenders(slide, folder)
                if not any(part in one.name for part in options.without)
                and any(part in one.name for part in options.only)
            ]
            table = compare(slide, contenders, options.repeat, Path(scratch))
            parts += [f"## {slide.stem}, {slide.stat().st_size / 1e6:.0f} MB", table]
            parts.append(ratios(contenders))
    text = "\n\n".join(parts) + "\n"
    print(text)
    if options.write or options.append:
        before = PAGE.read_text() + "\n" if options.append else ""
        PAGE.write_text(before + text)


def _contenders(slide: Path, folder: Path) -> list[Contender]:
    python = install_ourselves(folder.resolve())
    if slide.stem.startswith(LOSSLESS):
        limit = "inflate16" if slide.stem.startswith(DEEP) else "inflate"
        return [*limits(python, "copy", limit), *ours(python, "source")]
    return [*limits(python, *LIMITS), *ours(python, *OURS), *peers(folder.resolve())]


def _machine() -> str:
    return (
        "# Performance\n\n"
        "Written by `python -m benchmarks.convert`: medians of contenders run in turn, again and "
        "again. Compare within one table only. *wall* is a whole process with its start-up, *work* "
        "the same without it; *peak* is the most memory of a process, *of it work* what came after "
        "start-up.\n\n"
        "The limits check nothing and write no header: *copy* is the file itself, *passthrough* "
        "every stored tile as a DICOM item, *half* the base decoded at half scale and encoded, "
        "*pyramid* passthrough and all reduced levels, *recode*, *inflate* and *inflate16* every "
        "tile decoded and encoded.\n\n"
        f"{os.cpu_count()} cores, Python {platform.python_version()}."
    )


if __name__ == "__main__":
    main()
