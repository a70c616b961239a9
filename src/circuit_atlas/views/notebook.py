"""Pages in a notebook: each in a frame of its own, and the library that draws them, which is large, in one of them."""

from __future__ import annotations

import html
import sys
from string import Template
from typing import Any, NamedTuple

from circuit_atlas.views.graph_page import LIBRARY, asset, plotly_script, script_json

_SANDBOX = "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"
_HEIGHT = 820  # pixels


class _Cell(NamedTuple):
    """A cell of a notebook, and which of its executions it is."""

    identity: str
    execution: int


_carriers: list[_Cell] = []  # the cell whose output has the library, once there is one


def framed(page: str, height: int = _HEIGHT) -> str:
    """A page in a frame of another page, from which it is isolated."""
    return f'<iframe srcdoc="{html.escape(page)}" {_frame(height)}></iframe>'


def notebook_html(page: str) -> str:
    """A page without its library as the output of a notebook's cell, in a frame.

    The first such output of a notebook brings the library along, 4.7 MB, and a script hands it to the frames of all. A
    cell that is run again brings it again, as its former output is gone. Where nothing says which cell is run, each
    output has the library.

    Args:
        page: see `circuit_atlas.views.graph_page`, with `LIBRARY` in place of the library.
    """
    cell = _running_cell()
    if cell is None:
        return framed(page.replace(LIBRARY, plotly_script()))
    is_again = any(carrier.identity == cell.identity and carrier != cell for carrier in _carriers)
    brings_library = is_again or not _carriers
    if brings_library:
        _carriers[:] = [cell]
    return Template(asset("notebook.html")).substitute(
        frame=_frame(_HEIGHT),
        place=script_json(LIBRARY),
        page=script_json(page),
        library=script_json(plotly_script()) if brings_library else "null",
    )


def _frame(height: int) -> str:
    return f'sandbox="{_SANDBOX}" style="width:100%;height:{height}px;border:1px solid #ddd"'


def _running_cell() -> _Cell | None:
    """The cell that is run, if a notebook says which."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython and ipython.get_ipython()
    if not hasattr(shell, "get_parent"):
        return None
    identity = shell.get_parent().get("metadata", {}).get("cellId")
    return _Cell(str(identity), shell.execution_count) if identity else None
