"""What the demonstration shows is made with what runs the software, and no more."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pinned(file: str) -> set[str]:
    text = (ROOT / file).read_text()
    return {
        name.replace("_", "-").lower() for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    }


def test_files_are_made_without_what_tests_need() -> None:
    demo = (ROOT / "deploy/demo.sh").read_text()
    makers = re.findall(r"^ *make_once (\w+)|-m tests\.samples\.(\w+)", demo, re.MULTILINE)
    modules_run = {one or other for one, other in makers}
    runs = pinned("requirements.txt")
    absent = [
        name
        for name, given_by in packages_distributions().items()
        if not runs & {one.replace("_", "-").lower() for one in given_by}
        and name not in {"api", "archive", "dermato", "slides", "tiles", "tests"}
    ]
    assert "pytest" in absent
    assert modules_run == {"slide", "photo", "laboratory"}
    modules = ", ".join(f"tests.samples.{one}" for one in sorted(modules_run))
    program = f"import sys; sys.modules.update(dict.fromkeys({absent!r})); import {modules}"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
