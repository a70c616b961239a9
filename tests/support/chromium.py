"""A real Chromium without a window. Run as a program, it says by its exit code whether there is one."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = {"127.0.0.1", "localhost", "[::1]"}


def find_chromium() -> str | None:
    """Path of the program."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@dataclass
class PageLog:
    """What a page asked for and complained of. Put patterns of errors that are no fault of ours into `expected`."""

    requests: list[str] = field(default_factory=list)  # all but the pages that a test itself opens, data: and blob:
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url, request.is_navigation_request()))

    def _note(self, url: str, opened: bool) -> None:
        if not (opened or url.startswith(("data:", "blob:", "about:"))):
            self.requests.append(url)

    def unexpected(self) -> list[str]:
        return [error for error in self.errors if not any(re.search(text, error) for text in self.expected)]

    def requests_elsewhere(self) -> list[str]:
        return [url for url in self.requests if urlsplit(url).scheme != "file" and urlsplit(url).hostname not in HERE]


def start_chromium() -> Iterator[Browser]:
    """A Chromium with a new, empty profile; skips the test when there is none."""
    import pytest

    program = find_chromium()
    if program is None:
        pytest.skip(f"needs one of {', '.join(PROGRAMS)}; as root on Debian, make test installs it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield browser
        browser.close()


def open_page(browser: Browser, log: PageLog) -> Iterator[Page]:
    """A page of its own; afterwards it must have no errors, and must have asked no other machine for anything."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    log.watch(page)
    yield page
    context.close()
    assert not log.unexpected()
    assert not log.requests_elsewhere()


def screenshots(page: Any) -> Callable[[str], Path]:
    """Keeps a picture of the page as build output, to be looked at."""

    def keep(name: str) -> Path:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")
        return SCREENSHOTS / f"{name}.png"

    return keep


if __name__ == "__main__":
    sys.exit(find_chromium() is None)
