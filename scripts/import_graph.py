"""The import graph of the package, read from its source: a table and a picture for docs/architecture.md.

Floors come from `FLOORS` in tests/test_layout.py, which also checks that every import leads to a lower floor.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from html import escape
from math import fsum
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src/circuit_atlas", "ingest", "queries", "schema")
BOX_WIDTH, BOX_HEIGHT, GAP, FLOOR_HEIGHT, LEFT = 104, 30, 18, 84, 70


def read_floors() -> list[list[str]]:
    """The packages and modules of each floor, from the ground up."""
    tree = ast.parse((ROOT / "tests" / "test_layout.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "FLOORS":
            return [sorted(floor - {"__init__"}) for floor in ast.literal_eval(statement.value)]
    raise LookupError("tests/test_layout.py has no FLOORS")


def read_imports() -> dict[str, set[str]]:
    """For each top-level package or module of circuit_atlas, the others that it imports."""
    imports: dict[str, set[str]] = {}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).parts
            package = (parts[2] if parts[0] == "src" else parts[0]).removesuffix(".py")
            if package != "__init__":
                imports.setdefault(package, set()).update(set(_imported(path)) - {package, "__version__"})
    return imports


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("circuit_atlas."))


def table() -> str:
    """A row for each package, the highest floor first."""
    imports, floors = read_imports(), read_floors()
    rows = ["| floor | package or module | imports |", "| --- | --- | --- |"]
    for number in range(len(floors), 0, -1):
        for name in floors[number - 1]:
            below = [f"`{other}`" for floor in reversed(floors) for other in floor if other in imports.get(name, ())]
            rows.append(f"| {number} | `{name}` | {', '.join(below)} |")
    return "\n".join(rows)


def picture() -> str:
    """An SVG: boxes by floor, and an arrow for each import that does not follow from others."""
    imports = read_imports()
    floors = _ordered(read_floors(), imports)
    width = LEFT + max(len(floor) for floor in floors) * (BOX_WIDTH + GAP) + GAP
    height = len(floors) * FLOOR_HEIGHT
    boxes: dict[str, tuple[float, float]] = {}
    for number, floor in enumerate(floors):
        row = len(floor) * (BOX_WIDTH + GAP) - GAP
        for i, name in enumerate(floor):
            x = LEFT + (width - LEFT - row) / 2 + i * (BOX_WIDTH + GAP)
            boxes[name] = (x, height - (number + 1) * FLOOR_HEIGHT + (FLOOR_HEIGHT - BOX_HEIGHT) / 2)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="sans-serif" '
        'font-size="13" text-anchor="middle">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#8a94a6"/></marker></defs>',
    ]
    for number in range(len(floors)):
        top = height - number * FLOOR_HEIGHT
        if number % 2:
            lines.append(f'<rect x="0" y="{top - FLOOR_HEIGHT}" width="100%" height="{FLOOR_HEIGHT}" fill="#f3f5f9"/>')
        lines.append(f'<text x="34" y="{top - FLOOR_HEIGHT / 2 + 4:.0f}" fill="#6b7280">floor {number + 1}</text>')
    for name, (x1, y1) in boxes.items():
        for other in sorted(_direct(name, imports)):
            x2, y2 = boxes[other]
            lines.append(
                f'<path d="M{x1 + BOX_WIDTH / 2:.0f} {y1 + BOX_HEIGHT:.0f} '
                f"C{x1 + BOX_WIDTH / 2:.0f} {y1 + BOX_HEIGHT + 30:.0f} {x2 + BOX_WIDTH / 2:.0f} {y2 - 30:.0f} "
                f'{x2 + BOX_WIDTH / 2:.0f} {y2 - 2:.0f}" fill="none" stroke="#8a94a6" marker-end="url(#tip)"/>'
            )
    for name, (x, y) in boxes.items():
        lines.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5" fill="#e8eaf6" '
            f'stroke="#3f51b5"/><text x="{x + BOX_WIDTH / 2:.0f}" y="{y + 20:.0f}" fill="#1a237e">{escape(name)}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def _direct(name: str, imports: dict[str, set[str]]) -> set[str]:
    """The imports of a package without those that follow from its other imports."""
    return imports[name] - {far for near in imports[name] for far in _reached(near, imports)}


def _reached(name: str, imports: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        below = imports.get(waiting.pop(), set()) - found
        found |= below
        waiting += below
    return found


def _ordered(floors: list[list[str]], imports: dict[str, set[str]]) -> list[list[str]]:
    """The floors, each in the order of what it imports, so that few arrows cross."""
    place: dict[str, float] = {}
    ordered = []
    for floor in floors:
        middle = {
            name: fsum(place.get(other, 0.5) for other in below) / len(below)  # whatever the order of the set
            if (below := _direct(name, imports))
            else 0.5
            for name in floor
        }
        ordered.append(sorted(floor, key=lambda name: (middle[name], name)))
        place.update({name: (i + 0.5) / len(floor) for i, name in enumerate(ordered[-1])})
    return ordered
