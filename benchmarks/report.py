"""The tables of a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tabulate import tabulate


def markdown(records: list[dict[str, Any]]) -> str:
    """A table for each graph: questions down, systems across; medians, with the fastest and slowest run."""
    parts = []
    for graph in dict.fromkeys(record["graph"] for record in records):
        of_graph = [record for record in records if record["graph"] == graph]
        systems = list(dict.fromkeys(record["system"] for record in of_graph))
        cells = {(record["question"], record["system"]): _cell(record) for record in of_graph}
        questions = list(dict.fromkeys(record["question"] for record in of_graph))
        rows = [[question, *(cells.get((question, system), "") for system in systems)] for question in questions]
        table = tabulate(rows, [f"{of_graph[0]['edges']:,} edges", *systems], tablefmt="github", disable_numparse=True)
        parts.append(table)
    return "\n\n".join(parts) + "\n"


def put_into_page(page: Path, part: str, tables: str) -> None:
    """Replace what a page has between the comments `part` and `end of part`."""
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->\n"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    assert found, f"{page} has no place for {part}"
    page.write_text(f"{before}{begin}\n{tables}\n{end}{after}", encoding="utf-8")


def milliseconds(seconds: float) -> str:
    """Three digits of a short time, whole milliseconds of a long one."""
    return f"{1000 * seconds:.3g}" if seconds < 1 else f"{1000 * seconds:,.0f}"


def _cell(record: dict[str, Any]) -> str:
    if record["failed"]:
        return str(record["failed"])
    if record["runs"] < 2:
        return _time(record["median"])
    return f"{_time(record['median'])} ({_number(record['fastest'])}-{_number(record['slowest'])})"


def _time(seconds: float) -> str:
    return f"{_number(seconds)} {'s' if seconds >= 1 else 'ms'}"


def _number(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.3g}"
    return f"{seconds * 1000:.3g}"
