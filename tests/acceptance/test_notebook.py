"""The notebook in docs runs from beginning to end, and prints what is kept in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import CLONE

NOTEBOOK = CLONE / "docs" / "analytics.ipynb"


def printed(notebook: Any) -> list[str]:
    """What the cells print. How frames are drawn depends on the version of their library."""
    return [
        "".join(output.text for output in cell.outputs if output.output_type == "stream")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


# Jupyter's own client warns of its dependencies' deprecations.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_notebook_runs_and_prints_what_is_kept_in_it(tmp_path: Path) -> None:
    for module in ("nbclient", "ipykernel", "pandas", "polars", "pyarrow", "jinja2"):
        pytest.importorskip(module, reason=f"{module} is not installed; it is in the group notebook")
    import nbformat
    from nbclient import NotebookClient

    kept = nbformat.read(NOTEBOOK, as_version=4)
    run = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        run, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert printed(run) == printed(kept), "run: jupyter execute --inplace docs/analytics.ipynb"
    assert sum(bool(text) for text in printed(kept)) >= 6
    assert list(tmp_path.iterdir()) == []


def test_the_notebook_names_no_place_of_whoever_ran_it() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "/home/" not in text
    assert "/tmp" not in text
    assert str(CLONE) not in text
