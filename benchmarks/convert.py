"""What a conversion costs: time, processor time and peak memory of the whole process.

python -m benchmarks.convert [FILE]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measured(command: list[str]) -> tuple[float, float, float]:
    """Wall time and processor time in seconds and peak memory in MB of a command.

    Raises CalledProcessError where it fails.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # wait4, as getrusage would give the largest of all children so far.
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    # Linux counts in KiB, macOS in bytes.
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit_bytes / 1e6


def main() -> None:
    """Convert one slide to each target and print a line for each."""
    sansverre = str(Path(sys.executable).with_name("sansverre"))
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as folder:
        if len(sys.argv) > 1:
            file = sys.argv[1]
        else:
            file = str(Path(folder) / "slide.svs")
            subprocess.run([sys.executable, "-m", "tests.samples.slide", file], check=True)
        print(f"{'to':8}{'wall s':>10}{'CPU s':>10}{'peak MB':>10}")
        for target, name in (("dicom", "dicom"), ("zarr", "slide.ome.zarr")):
            command = [sansverre, "convert", file, str(Path(folder) / name), "--to", target]
            wall_s, cpu_s, peak_mb = measured([*command, "--json"])
            print(f"{target:8}{wall_s:10.2f}{cpu_s:10.2f}{peak_mb:10.0f}")


if __name__ == "__main__":
    main()
