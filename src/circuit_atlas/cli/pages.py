"""What the commands that write pages share: opening a page."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from circuit_atlas.cli.options import echo

open_option = click.option("--open", "opened", is_flag=True, help="Open it in the default browser.")


def can_open() -> bool:
    """Whether there is a screen to open a page on."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))


def finish(file: str, opened: bool) -> None:
    """Open a page if asked to."""
    if opened and not webbrowser.open(Path(file).resolve().as_uri()):
        echo(f"No browser found to open {file}.", err=True)
