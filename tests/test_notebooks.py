"""The notebooks run from beginning to end, and keep nothing of it in the repository.

What they drew is kept in `artefacts/`, for people to look at.
"""

import base64
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    found = nbformat.reads(path.read_text(), as_version=4)
    assert isinstance(found, nbformat.NotebookNode)
    nbformat.validate(found)
    return found


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.stem))
def test_a_notebook_is_kept_without_what_it_printed(path: Path) -> None:
    for cell in read(path).cells:
        assert not cell.get("outputs"), "clear the outputs before committing"
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.stem))
def test_a_notebook_says_it_in_both_languages(path: Path) -> None:
    texts = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    assert texts
    # French first, then the same in English, set in italics.
    assert [text for text in texts if not text.rstrip().endswith("*")] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.stem))
def test_a_notebook_runs(path: Path, artefacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), there])))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = read(path)
    # Raises with the cell and its message where an assertion in it does not hold.
    client = NotebookClient(notebook, timeout=600, kernel_name="python3")
    client.execute(cwd=str(path.parent))
    pictures = [
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "display_data" and "image/png" in output.data
    ]
    assert pictures
    for number, picture in enumerate(pictures):
        (artefacts / f"{path.stem}-{number}.png").write_bytes(base64.b64decode(picture))
