"""The notebook of the examples runs from its first cell to its last, and what it draws is drawn."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
import pytest
from jupyter_client.manager import run_kernel

from circuit_atlas.views.graph_page import LIBRARY, script_json

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from support.chromium import PageLog

NOTEBOOK = Path(__file__).parent.parent / "examples" / "dallas.ipynb"


@pytest.fixture(scope="module")
def executed(connection: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook with its outputs, asked of the test server, run in a folder where nothing lies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEO4J_URI", connection.uri)
        patch.setenv("NEO4J_PASSWORD", connection.password)
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        folder = tmp_path_factory.mktemp("notebook")
        nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    assert not list(folder.iterdir())
    return notebook


def outputs(notebook: Any, call: str) -> list[dict[str, str]]:
    """What the cells that call something show."""
    return [
        output["data"]
        for cell in notebook.cells
        if cell.cell_type == "code" and call in cell.source
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]


def test_every_cell_is_short_and_answers(executed: Any) -> None:
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert max(len(cell.source.splitlines()) for cell in code) <= 8
    for cell in code:
        assert not [output for output in cell.outputs if output.output_type in ("error", "stream")], cell.source
    silent = [cell.source for cell in code if not cell.outputs]
    assert [source.splitlines()[-1] for source in silent] == [
        "atlas = Atlas()",
        "atlas.close()",
    ]
    [statistics] = outputs(executed, "dallas.stats()")
    assert "Austin" in statistics["text/html"]
    [paths] = outputs(executed, "paths = dallas.paths")
    assert "AssemblyCulture" in paths["text/plain"]
    [feature] = outputs(executed, 'atlas.feature("25/288")')
    assert "active in 5 graphs" in feature["text/html"]


def test_the_pictures_of_the_notebook_are_drawn(
    executed: Any, page: Page, page_log: PageLog, screenshot: Callable[[str], Path]
) -> None:
    pictures = [shown["text/html"] for call in (".view(", ".view_paths(") for shown in outputs(executed, call)]
    assert len(pictures) == 3
    page.set_content("".join(pictures))
    for i in range(len(pictures)):
        frame = page.frame_locator("iframe").nth(i)
        frame.locator(".js-plotly-plot .main-svg").first.wait_for()
    screenshot("notebook")


def test_the_notebook_is_kept_without_outputs() -> None:
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    assert not re.search(r"/(root|home|Users|tmp)/", NOTEBOOK.read_text(encoding="utf-8"))


def test_no_text_is_taken_for_the_library() -> None:
    """The placeholder of the library in a page is not a text that a page can have: a page escapes it."""
    assert LIBRARY not in html.escape(LIBRARY)
    assert LIBRARY not in script_json(LIBRARY)


CELLS = {
    "first": "import circuit_atlas\natlas = circuit_atlas.Atlas()\natlas.graph('dallas').view()",
    "second": "atlas.graph('dallas').view_paths()",
    "third": "atlas.graph('night').view()",
}


def test_a_notebook_has_the_drawing_library_once(
    connection: Any, examples: Any, page: Page, page_log: PageLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the output of the first cell that draws; run again, that cell brings it again."""
    monkeypatch.setenv("NEO4J_URI", connection.uri)
    monkeypatch.setenv("NEO4J_PASSWORD", connection.password)
    with run_kernel() as kernel:
        shown = {name: shown_by(kernel, code, name) for name, code in CELLS.items()}
        assert len(shown["first"]) > 4_000_000
        assert len(shown["second"]) < 50_000
        assert len(shown["third"]) < 1_500_000
        assert len(shown_by(kernel, CELLS["first"], "first")) > 4_000_000
        assert len(shown_by(kernel, CELLS["second"], "second")) < 50_000
        assert len(shown_by(kernel, CELLS["second"], None)) > 4_000_000  # nothing says which cell it is
    page.set_content("")
    page.evaluate(APPEND, shown["second"])  # a front end may draw outputs in any order
    frames = [page.frame_locator("iframe").nth(i) for i in range(3)]
    frames[0].get_by_text("is in the notebook's first picture").wait_for()
    for name in ("first", "third"):
        page.evaluate(APPEND, shown[name])
    for frame in frames:
        frame.locator(".js-plotly-plot .main-svg").first.wait_for()


APPEND = "html => document.body.append(document.createRange().createContextualFragment(html))"  # scripts run


def shown_by(kernel: Any, code: str, cell: str | None) -> str:
    """The HTML that a cell shows, when a front end runs it that says which cell it is, as JupyterLab does."""
    metadata = {"cellId": cell} if cell else {}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "user_expressions": {}}
    sent = kernel.session.msg("execute_request", content, metadata=metadata)
    kernel.shell_channel.send(sent)
    html = ""
    while True:
        message = kernel.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") != sent["header"]["msg_id"]:
            continue
        if message["msg_type"] == "execute_result":
            html = message["content"]["data"]["text/html"]
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return html
