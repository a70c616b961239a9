"""Text that a page must show as text, and what looks whether it does."""

from __future__ import annotations

import html
import re
from collections import Counter
from html.parser import HTMLParser

HOSTILE = "</script><img src=x onerror=alert(1)> & $x^2$ | `b` [a](javascript:alert(1)) <b>"


class Tags(HTMLParser):
    """Counts the elements of a page, and refuses attributes that run code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        assert not [name for name, _ in attrs if name.startswith("on")]


def text_of(page: str) -> str:
    """The page without its elements."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))
