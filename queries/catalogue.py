"""The catalogue: one `.cypher` file per question, its header the documentation of its parameters.

A file reads

    // What it answers, in a sentence or two.
    // @param graph STRING -- the graph's name
    // @param k INTEGER = 10 -- how many
    // @returns name STRING -- ...
    CYPHER 25
    ...

and can be pasted into Neo4j Browser as it is. A query of several hops has one section per hop, begun by
`// hop 1`, `// hop 2`, ... and closed by `// end of hops`: with fewer hops asked for, the sections beyond
are left out, which changes no answer and saves the server their planning.

Beside `name.cypher` lies `name.visual.cypher`, the query's visual form: the same question, its answer drawn. It takes
parameters of the query, no others, and returns paths (a single node is a path, too), few enough to look at:

    // What is drawn, in a sentence.
    CYPHER 25
    ...
    RETURN p LIMIT 300

When it does not begin with `CYPHER 25`, it goes on from the hops of the query: it is what takes the place of all that
comes after `// end of hops`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import takewhile
from typing import Any

from circuit_atlas.errors import InvalidArgumentError, QueryNotFoundError

_PARAMETER = re.compile(r"@param (\w+) ([A-Z<> |]+?)(?: = (.+?))? -- (.+)")
_COLUMN = re.compile(r"@returns (\w+) ([A-Z<> |]+?) -- (.+)")
_VISUAL = ".visual.cypher"
_DIALECT, _END_OF_HOPS = "CYPHER 25\n", "// end of hops\n"
_EDGE_VALUE = "/* edge value */ weight"
_TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "INTEGER": (int,),
    "FLOAT": (int, float),
    "BOOLEAN": (bool,),
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a query: Cypher type, default (None with `required`) and meaning."""

    name: str
    type: str
    required: bool
    default: Any
    description: str


@dataclass(frozen=True)
class Column:
    """A column of a query's answer."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class CatalogueQuery:
    """A query of the catalogue. `text` is the whole file, `draws` what its visual form shows, `ending` that form's
    statement or last part."""

    id: str
    answers: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    text: str = field(repr=False)
    draws: str = ""
    ending: str = field(repr=False, default="")

    def cypher(self, hops: int | None = None, edge_value: str | None = None) -> str:
        """The statement, with sections for `hops` hops when it has sections, and with an expression of the user's
        own for the value of an edge, where the query says that one can be put."""
        text = self.text if edge_value is None else self.text.replace(_EDGE_VALUE, f"({edge_value}\n)")
        return _with_hops(text, hops)

    def visual(self, hops: int | None = None) -> str:
        """The statement of the visual form, its header the parameters it takes: it returns paths."""
        code = self.ending
        if not code.startswith(_DIALECT):
            start, end = self.text.index(_DIALECT), self.text.index(_END_OF_HOPS)
            code = self.text[start:end] + _END_OF_HOPS + code
        used = set(re.findall(r"\$(\w+)", code))
        lines = [line for line in self.text.splitlines() if (m := _PARAMETER.search(line)) and m[1] in used]
        return "\n".join([f"// {self.draws}", *lines, _with_hops(code, hops)])

    def complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """All parameters of the query: `values` checked, defaults for the rest.

        Raises:
            InvalidArgumentError: a parameter is missing, unknown, or of another type.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        unknown = [name for name in values if name not in known]
        missing = [p.name for p in self.parameters if p.required and p.name not in values]
        if unknown or missing:
            problem = f"does not take {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
            raise InvalidArgumentError(f"{self.id} {problem}", fix=f"It takes {', '.join(known)}.")
        for name, value in values.items():
            _check_type(self.id, known[name], value)
        return {name: values.get(name, parameter.default) for name, parameter in known.items()}


def _with_hops(text: str, hops: int | None) -> str:
    head, *sections = re.split(r"^// hop \d+\n", text, flags=re.MULTILINE)
    if not sections:
        return text
    last, _, tail = sections[-1].partition(_END_OF_HOPS)
    sections[-1] = last
    return head + "".join(sections[: hops or len(sections)]) + tail


def _check_type(query: str, parameter: Parameter, value: Any) -> None:
    types = _TYPES.get(parameter.type)
    wrong_boolean = isinstance(value, bool) and parameter.type != "BOOLEAN"
    if value is not None and types and (wrong_boolean or not isinstance(value, types)):
        raise InvalidArgumentError(f"{query}: {parameter.name} is to be {parameter.type}, not {value!r:.60}")


@cache
def catalogue() -> dict[str, CatalogueQuery]:
    """All queries by id (`paths.top_k` is `paths/top_k.cypher`), in order of id."""
    folders = [folder for folder in (files(__package__) / "cypher").iterdir() if folder.is_dir()]
    queries = [
        _parse(folder, file)
        for folder in folders
        for file in folder.iterdir()
        if file.name.endswith(".cypher") and not file.name.endswith(_VISUAL)
    ]
    return {query.id: query for query in sorted(queries, key=lambda query: query.id)}


def find_query(query_id: str) -> CatalogueQuery:
    """The query of that id.

    Raises:
        QueryNotFoundError: there is none.
    """
    try:
        return catalogue()[query_id]
    except KeyError:
        raise QueryNotFoundError(
            f"the catalogue has no query {query_id!r}", fix="`circuit-atlas query --list` shows all."
        ) from None


def _parse(folder: Traversable, file: Traversable) -> CatalogueQuery:
    text, name = file.read_text(encoding="utf-8"), file.name.removesuffix(".cypher")
    visual = folder / (name + _VISUAL)
    drawn = visual.read_text(encoding="utf-8") if visual.is_file() else ""
    header = _header(text)
    return CatalogueQuery(
        id=f"{folder.name}.{name}",
        answers=_sentences(header),
        parameters=tuple(_parameter(m) for line in header if (m := _PARAMETER.fullmatch(line))),
        columns=tuple(Column(*m.groups()) for line in header if (m := _COLUMN.fullmatch(line))),
        text=text,
        draws=_sentences(_header(drawn)),
        ending="".join(line for line in drawn.splitlines(keepends=True) if not line.startswith("//")),
    )


def _header(text: str) -> list[str]:
    return [line[2:].strip() for line in text.splitlines() if line.startswith("//")]


def _sentences(header: list[str]) -> str:
    return " ".join(takewhile(lambda line: line and not line.startswith("@"), header))


def _parameter(match: re.Match[str]) -> Parameter:
    name, cypher_type, default, description = match.groups()
    value = None if default is None else json.loads(default)
    return Parameter(name, cypher_type, default is None, value, description)
