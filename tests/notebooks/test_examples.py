"""Every example notebook runs from top to bottom, without a network."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(
    path for path in EXAMPLES.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)


def test_there_are_examples():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_example_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    notebook = nbformat.read(path, 4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("application/vnd.jupyter.widget-view+json" in o.get("data", {}) for o in outputs)
    assert not [o for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    pages = [o.get("data", {}).get("text/html", "") for o in outputs]
    assert not [page for page in pages if "<script" in page], "a chart that asks for a network"


def test_lectures_are_six_in_order():
    lectures = [path.name[:2] for path in NOTEBOOKS if path.parent.name == "lectures"]
    assert lectures == [f"{k}_" for k in range(1, 7)]
