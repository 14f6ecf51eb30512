"""The rules of the house that a machine can keep."""

import dataclasses
import importlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("tiles", "archive", "slides", "dermato", "api")
BEYOND_THIS_MANY_LINES = 400

# Written so that this file does not hold what it looks for.
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|deb\.debian\.org|--(extra-)?index-url[ =]",
    re.IGNORECASE,
)
FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
MACHINE_PATH = re.compile(r"(?<![\w.~/])/(work|home|root|Users|opt/(wheels|pypi))/[\w.]")


@cache
def files_of_the_project() -> tuple[Path, ...]:
    """Every file that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    files = tuple(ROOT / name for name in sorted(set(listed.split("\0"))) if name)
    return tuple(file for file in files if file.is_file())


def texts() -> list[tuple[str, str]]:
    """Name and content of every file that is text."""
    found = []
    for file in files_of_the_project():
        data = file.read_bytes()
        if b"\0" not in data[:8192]:
            found.append((str(file.relative_to(ROOT)), data.decode("utf-8", "replace")))
    return found


def hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def code_in(page: str) -> list[str]:
    """The code of a Markdown page: each line of its blocks, and each span."""
    text = (ROOT / page).read_text()
    blocks = FENCED.findall(text)
    spans = re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
    return [line for block in blocks for line in block.splitlines()] + spans


def test_no_file_names_a_package_registry() -> None:
    assert hits(REGISTRY) == []


def test_no_file_holds_a_path_of_one_machine() -> None:
    assert hits(MACHINE_PATH) == []


def test_the_viewers_lock_records_no_download_address() -> None:
    lock = (ROOT / "web" / "package-lock.json").read_text()
    assert '"integrity"' in lock
    assert '"resolved"' not in lock


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "requirements-node.txt"]
)
def test_requirements_are_pinned_with_hashes(name: str) -> None:
    requirements = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    assert requirements
    pinned = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}")
    assert [line for line in requirements if not pinned.match(line)] == []


def test_development_has_the_versions_that_run() -> None:
    def versions(name: str) -> dict[str, str]:
        return dict(re.findall(r"^(\S+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))

    runtime, development = versions("requirements.txt"), versions("requirements-dev.txt")
    assert runtime.items() <= development.items()


def test_every_folder_of_python_is_a_package() -> None:
    # pytest would take two test_open.py for one module; layering contracts see packages only.
    folders = {
        parent
        for file in files_of_the_project()
        if file.suffix == ".py" and file.relative_to(ROOT).parts[0] in (*PACKAGES, "tests")
        for parent in file.parents
        if parent != ROOT and ROOT in parent.parents and parent.name != "versions"
    }
    assert sorted(str(f) for f in folders if not (f / "__init__.py").exists()) == []


def test_no_file_is_too_long_to_find_the_line() -> None:
    long = {
        name: text.count("\n")
        for name, text in texts()
        if name.endswith(".py") and not name.startswith("tests/")
    }
    assert {n: lines for n, lines in long.items() if lines > BEYOND_THIS_MANY_LINES} == {}


def test_the_changelogs_newest_version_is_this_one() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version


PAGES_WITH_COMMANDS = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/quickstart.md",
    "docs/demarrage.md",
    "docs/cli.md",
    "benchmarks/README.md",
]


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_make_targets_that_pages_name_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {m[1] for line in code_in(page) if (m := re.match(r"make ([a-z]+)\b", line))}
    assert named <= targets


@cache
def help_of(command: str) -> str:
    return subprocess.run(
        [str(Path(sys.executable).with_name("sansverre")), *command.split(), "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    ).stdout


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_commands_and_options_that_pages_name_exist(page: str) -> None:
    command = ""
    for line in code_in(page):
        started = re.match(r"sansverre ([a-z]+)\b", line)
        command = started[1] if started else command if line.startswith(" ") else ""
        if command:
            assert command in help_of("")
            for option in re.findall(r"(?<![\w-])--[a-z-]+", line):
                assert re.search(rf"{option}\b", help_of(command)), (command, option)


def test_every_setting_is_explained() -> None:
    setting = re.compile(r"SANSVERRE_[A-Z]+(?:_[A-Z]+)*")
    read = {
        name
        for file, text in texts()
        if file.endswith(".py") and file != "tests/test_house.py"
        for name in setting.findall(text)
    }
    explained = set(setting.findall((ROOT / "docs" / "settings.md").read_text()))
    assert read == explained


def found(dotted: str) -> bool:
    """Whether a dotted name is a module, or something a module holds."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            if error.name not in {".".join(parts[: at + 1]) for at in range(cut)}:
                raise
            continue
        return all_found(thing, parts[cut:])
    return False


def all_found(thing: Any, names: list[str]) -> bool:
    for name in names:
        fields = (
            {field.name for field in dataclasses.fields(thing)}
            if inspect.isclass(thing) and dataclasses.is_dataclass(thing)
            else set()
        )
        if not (hasattr(thing, name) or name in fields):
            return False
        thing = getattr(thing, name, None)
    return True


def test_names_that_pages_give_exist() -> None:
    """Paths such as `tiles/plan.py` and names such as `tiles.plan.full`, in docs and guide."""
    pages = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
    path = re.compile(rf"(?:{'|'.join((*PACKAGES, 'web', 'tests', 'docs', 'deploy'))})/[\w/.-]*")
    name = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
    missing, checked = [], 0
    for page in pages:
        for span in code_in(str(page.relative_to(ROOT))):
            exists = None
            if path.fullmatch(span):
                exists = (ROOT / span).exists()
            elif name.fullmatch(span.removesuffix("()")):
                exists = found(span.removesuffix("()"))
            elif re.fullmatch(r"\w+\.py", span):
                exists = any(file.name == span for file in files_of_the_project())
            checked += exists is not None
            if exists is False:
                missing.append(f"{page.relative_to(ROOT)}: {span}")
    assert missing == []
    assert checked > 20


def test_the_architecture_names_every_process_and_every_package_of_the_archive() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    processes = [
        m[1]
        for name, text in texts()
        if name.startswith("api/") and (m := re.search(r"^python -m ([\w.]+) ", text, re.MULTILINE))
    ]
    packages = [
        f"archive/{init.parent.name}/" for init in sorted((ROOT / "archive").glob("*/__init__.py"))
    ]
    assert len(processes) > 4
    assert [name for name in (*processes, *packages) if f"`{name}" not in page] == []


def test_tests_that_pages_name_exist() -> None:
    named = [
        one
        for page in (ROOT / "docs").glob("*.md")
        for one in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text())
    ]
    lacking = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]
    assert lacking == []
    assert len(named) > 20


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_files_that_pages_link_to_exist(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_documentation_builds_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    # Not --quiet: warnings that are not told are not counted by --strict.
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        # It takes what an installation has not.
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert built.returncode == 0, built.stderr
    fetched = re.compile(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//")
    pages = list(tmp_path.rglob("*.html"))
    assert pages
    assert [str(page) for page in pages if fetched.search(page.read_text())] == []
