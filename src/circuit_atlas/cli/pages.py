"""Parts that the commands that write pages share."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.output import echo

if TYPE_CHECKING:
    from circuit_atlas.views.view import FigureView

open_option = click.option("--open", "opened", is_flag=True, help="Open it in the default browser.")


def check_page(page: str | None, opened: bool) -> None:
    """Refuse a --page that cannot be written, or --open without one, before graphs are read and compared."""
    if opened and page is None:
        raise click.UsageError("--open needs --page.")
    if page is not None:
        from circuit_atlas.views.view import check_suffix

        check_suffix(page)


def write_page(view: FigureView, page: str, opened: bool) -> None:
    """Write a picture to a file, and open it if asked to."""
    view.save(page)
    echo(f"Wrote {page}.", err=True)
    finish(page, opened)


def can_open() -> bool:
    """Whether there is a screen to open a page on."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))


def finish(file: str, opened: bool) -> None:
    """Open a page if asked to."""
    if opened and not webbrowser.open(Path(file).resolve().as_uri()):
        echo(f"No browser found to open {file}.", err=True)
