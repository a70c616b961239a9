"""The Chromium that other tests look at pages with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.chromium import PageLog


def test_the_page_log_has_requests_and_errors(page: Any, page_log: PageLog, screenshot: Any, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<title>here</title><img src='http://192.0.2.1/a.png'><script>console.error('oh'); nothing()</script>",
        encoding="utf-8",
    )
    page.route("http://192.0.2.1/**", lambda route: route.abort())
    page.goto((tmp_path / "page.html").as_uri())
    assert page.title() == "here"
    assert page_log.requests_elsewhere() == ["http://192.0.2.1/a.png"]
    page_log.expected.append("ERR_FAILED")
    assert page_log.unexpected() == ["oh", "nothing is not defined"]
    page_log.errors.clear()
    page_log.requests.clear()
    page.set_content("<h1>Chromium</h1>")
    assert screenshot("chromium").stat().st_size > 1000
