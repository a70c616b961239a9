"""Drawing the picture of a graph in a browser: a part of make bench, where there is a Chromium."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.report import milliseconds
from circuit_atlas import Atlas
from circuit_atlas.server import LocalServer

Record = dict[str, Any]
_GRAPH = Path(__file__).parent.parent / "examples" / "graphs" / "opposite-small.json"
_NODES = (100, 500)
_RUNS = 11
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMES = "['started', 'drawn'].map(name => Number(document.documentElement.dataset[name]))"


def measure(folder: Path) -> Iterator[Record]:
    """Seconds until a page is drawn, and of these, of its own script."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        return
    from playwright.sync_api import sync_playwright

    server = LocalServer(folder / "pictures-store")
    with Atlas(server.start()) as atlas:
        graph = atlas.ingest(_GRAPH, name="graph")
        for nodes in _NODES:
            graph.view(max_nodes=nodes).save(folder / f"{nodes}.html")
    server.stop()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for nodes in _NODES:
            whole, script = [], []
            for _ in range(_RUNS):
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                page.goto((folder / f"{nodes}.html").as_uri())
                page.wait_for_selector("html[data-drawn]")
                started, drawn = page.evaluate(_TIMES)
                whole.append(drawn / 1000)
                script.append((drawn - started) / 1000)
                page.close()
            yield {"nodes": nodes, "whole": statistics.median(whole), "script": statistics.median(script)}
        browser.close()


def markdown(records: list[Record]) -> str:
    """A row for each size; milliseconds."""
    rows = [
        [f"{record['nodes']} nodes", milliseconds(record["whole"]), milliseconds(record["script"])]
        for record in records
    ]
    heads = ["ms, median", "from opening the page", "of these, in its script"]
    return str(tabulate(rows, heads, tablefmt="github", disable_numparse=True)) + "\n"
