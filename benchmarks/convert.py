"""Our converter, its peers and the machine's limits, side by side in one run.

    python -m benchmarks.convert [SLIDE...] [--side 30000] [--repeat 5] [--no-peers] [--write]

Every contender converts the same slide in turn, again and again, so that whatever else the machine
does hits all of them alike; medians and their ratios are printed, and absolute times are worth
nothing anywhere else. `--write` puts the tables into docs/performance.md.
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
from pathlib import Path

from benchmarks.contenders import OURS, PEERS, install

FORMS = ("abbreviated-rgb", "complete-ycbcr")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
LIMITS = ("copy", "passthrough", "half", "recode")


@dataclass
class Contender:
    """A program that turns SOURCE into OUT, and what it cost each time."""

    name: str
    command: Callable[[Path, Path], Sequence[str]]
    wall_s: list[float] = field(default_factory=list)
    work_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    out_mb: float = 0.0

    def run(self, source: Path, out: Path) -> None:
        """Run once; raises CalledProcessError where it fails."""
        command = list(self.command(source, out))
        with tempfile.TemporaryFile("w+") as output:
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            # wait4, as getrusage would give the largest of all children so far.
            _, status, usage = os.wait4(process.pid, 0)
            self.wall_s.append(time.perf_counter() - start)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            text = output.read()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, text)
        found = re.search(r"work_s=([\d.]+)", text)
        if found:
            self.work_s.append(float(found[1]))
        self.cpu_s.append(usage.ru_utime + usage.ru_stime)
        self.peak_mb.append(usage.ru_maxrss * (1e-6 if sys.platform == "darwin" else 1.024e-3))
        self.out_mb = _size(out) / 1e6


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    found = (one.stat() for one in path.rglob("*") if one.is_file())
    # A file that has two names takes its bytes once.
    return sum({one.st_ino: one.st_size for one in found}.values())


def limits() -> list[Contender]:
    """The machine's limits."""
    return [
        Contender(f"limit: {name}", lambda s, o, name=name: _module("limits", name, s, o))
        for name in LIMITS
    ]


def ours() -> list[Contender]:
    """Our command as people run it, and the same work after start-up."""
    sansverre = str(Path(sys.executable).with_name("sansverre"))
    made = []
    for name, options in OURS.items():
        made.append(
            Contender(
                f"sansverre {name}",
                lambda s, o, options=options: (sansverre, "convert", str(s), str(o), *options),
            )
        )
        made.append(
            Contender(
                f"sansverre {name}, work alone",
                lambda s, o, name=name: _module("contenders", name, s, o),
            )
        )
    return made


def _module(module: str, name: str, source: Path, out: Path) -> Sequence[str]:
    return (sys.executable, "-m", f"benchmarks.{module}", name, str(source), str(out))


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
            contender.run(source, out)
            for left in scratch.glob("out*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    lines = [
        "| | wall s | work s | processor s | peak MB | out MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in contenders:
        work = f"{statistics.median(one.work_s):.2f}" if one.work_s else ""
        lines.append(
            f"| {one.name} | {statistics.median(one.wall_s):.2f} | {work} "
            f"| {statistics.median(one.cpu_s):.2f} | {max(one.peak_mb):.0f} | {one.out_mb:.0f} |"
        )
    return "\n".join(lines)


def ratios(contenders: list[Contender]) -> str:
    """How ours compare with peers and limits, as medians."""
    wall = {one.name: statistics.median(one.wall_s) for one in contenders}
    work = {one.name: statistics.median(one.work_s) for one in contenders if one.work_s}
    lines = ["| ratio | |", "|---|---:|"]
    for mine, marked in (("source", False), ("full", True)):
        for name, seconds in wall.items():
            if name.startswith("wsidicomizer") and ("missing" in name) is marked:
                value = seconds / wall[f"sansverre {mine}"]
                lines.append(f"| {name} ÷ sansverre {mine}, wall | {value:.2f} |")
    size = {one.name: one.out_mb for one in contenders}
    for name, seconds in wall.items():
        if name.startswith(("ngff-zarr", "eubi-bridge-lite")):
            for mine in ("zarr", "both", "both full"):
                value = seconds / wall[f"sansverre {mine}"]
                lines.append(f"| {name} ÷ sansverre {mine}, wall | {value:.2f} |")
            value = size[name] / size["sansverre both full"]
            lines.append(f"| {name} ÷ sansverre both full, bytes | {value:.2f} |")
    for mine, alone in (("both", "source"), ("both full", "full")):
        value = wall[f"sansverre {mine}"] / wall[f"sansverre {alone}"]
        lines.append(f"| sansverre {mine} ÷ sansverre {alone}, wall | {value:.2f} |")
        value = size[f"sansverre {mine}"] / size[f"sansverre {alone}"]
        lines.append(f"| sansverre {mine} ÷ sansverre {alone}, bytes | {value:.4f} |")
    for mine, limit in (("source", "passthrough"), ("full", "half")):
        value = work[f"limit: {limit}"] / work[f"sansverre {mine}, work alone"]
        lines.append(f"| limit {limit} ÷ sansverre {mine}, after start-up | {value:.2f} |")
    return "\n".join(lines)


def make(folder: Path, form: str, side: int) -> Path:
    """A slide of that form and size, made once."""
    path = folder / f"{form}-{side}.svs"
    if not path.exists():
        draft = folder / "draft.svs"
        options = ("--width", str(side), "--height", str(side - 1000), "--form", form)
        subprocess.run([sys.executable, "-m", "tests.samples.slide", draft, *options], check=True)
        draft.rename(path)
    return path


def main() -> None:
    """Compare on the slides given, or on one of each form."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("slides", nargs="*", type=Path)
    parser.add_argument("--side", type=int, default=31_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--folder", type=Path, help="where slides and peers are kept between runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as scratch:
        folder = options.folder or Path(scratch) / "kept"
        folder.mkdir(parents=True, exist_ok=True)
        slides = options.slides or [make(folder, form, options.side) for form in FORMS]
        parts = [_machine()]
        for slide in slides:
            contenders = limits() + ours() + ([] if options.no_peers else peers(folder))
            table = compare(slide, contenders, options.repeat, Path(scratch))
            parts += [f"## {slide.stem}, {slide.stat().st_size / 1e6:.0f} MB", table]
            parts.append(ratios(contenders))
    text = "\n\n".join(parts) + "\n"
    print(text)
    if options.write:
        PAGE.write_text(text)


def _machine() -> str:
    return (
        "# Performance\n\nWritten by `python -m benchmarks.convert --write`: medians of contenders "
        "run in turn. Compare within one table only.\n\n"
        f"{os.cpu_count()} cores, Python {platform.python_version()}."
    )


if __name__ == "__main__":
    main()
