"""The catalogue: one `.cypher` file per query. Its header documents the query and declares its parameters and columns.

A file reads

    // What it answers, in a sentence or two.
    // @param k INTEGER = 10 -- how many; a long description continues
    //   in lines that are indented
    // @returns name STRING -- ...
    CYPHER 25
    MATCH ...
    // result
    RETURN ...
    // visual: what is drawn, in a sentence
    MATCH p = ...
    RETURN p LIMIT 300

A query that uses `$graph` and does not declare it takes the name of a graph, before its other parameters: most do. The
parameters of a fragment are declared where it is defined: a query that uses it need not declare them again.

A query has two forms that share everything above `// result`: its rows, and its visual form, which Neo4j Browser draws.
The visual form returns paths (a single node is a path, too), few enough to look at. When it begins with `CYPHER 25`, it
is a statement of its own. A query whose header begins with `// @internal` is one that the package asks and people do
not: it has no visual form and no place in lists of queries.

`@name` and `@name(arguments)` stand for the fragments of `fragments.cypher`, and a name in capitals, such as
`@BOUNDS_BLOCK`, for a number of `schema/limits.py`. Both are replaced when a file is read, so that statements are plain
Cypher, which can be pasted into Neo4j Browser. Values never become part of a statement: they are its parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import takewhile
from numbers import Integral, Real
from typing import Any

from circuit_atlas.errors import InvalidArgumentError, QueryNotFoundError
from circuit_atlas.queries.edge_value import EdgeValue
from circuit_atlas.schema import limits
from circuit_atlas.schema.keys import Kind
from circuit_atlas.suggestions import known_names

_PARAMETER = re.compile(r"@param (\w+) ([A-Z<> |]+?)(?: = (.+?))? -- (.+)")
_COLUMN = re.compile(r"@returns (\w+) ([A-Z<> |]+?) -- (.+)")
_INTERNAL = "// @internal"
_GRAPH = "// @param graph STRING -- the graph's name"
_FRAGMENT = re.compile(r"// @fragment (\w+)(?:\((.+)\))? -- .+")
_MENTION = re.compile(r"@([A-Za-z]\w*)(?:\(([^()]*)\))?")
DIALECT = "CYPHER 25\n"
_RESULT, _VISUAL = "// result", "// visual: "
_EDGE_VALUE = "/* edge value */ weight"
_TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "INTEGER": (int,),
    "FLOAT": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list, tuple),
    "MAP": (dict,),
}
# Values of parameters with these names: the text itself, or each of a list.
_CHOICES: dict[str, tuple[str, ...]] = {
    "align": limits.ALIGNMENTS,
    "by": limits.INFLUENCE_GROUPS,
    "kinds": tuple(Kind),
    "score": limits.SCORES,
    "status": ("", *limits.STATUSES),
}


class QueryFileError(ValueError):
    """A file of the catalogue is malformed. The message begins with file and line."""


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
class Fragment:
    """Cypher that queries share, the names in it that stand for arguments, and declarations of parameters of the query
    that it uses."""

    arguments: tuple[str, ...]
    declared: tuple[str, ...] = ()
    text: str = ""

    def filled(self, arguments: Iterable[str]) -> str:
        """The text with these arguments in their places; properties of the same names stay."""
        values = dict(zip(self.arguments, arguments, strict=True))
        return re.sub(r"(?<![.\w$'])[A-Za-z_]\w*\b(?!')", lambda match: values.get(match[0], match[0]), self.text)


@dataclass(frozen=True)
class CatalogueQuery:
    """A query of the catalogue. `draws` is what its visual form shows; it is empty for internal queries."""

    id: str
    answers: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    internal: bool
    draws: str
    _header: str = field(repr=False)
    _rows: str = field(repr=False)
    _picture: str = field(repr=False)

    def cypher(self, edge_value: EdgeValue | None = None) -> str:
        """The statement. `edge_value` takes the place of the weight of an edge, in queries that allow it."""
        return self._header + (self._rows if edge_value is None else self._rows.replace(_EDGE_VALUE, edge_value.cypher))

    def visual(self) -> str:
        """The statement of the visual form, which returns paths. Its header declares the parameters that it takes.

        Raises:
            InvalidArgumentError: the query is internal.
        """
        if self.internal:
            raise InvalidArgumentError(
                f"{self.id} has no visual form", fix="`circuit-atlas query --list` lists those that have."
            )
        used = used_parameters(self._picture)
        header = [f"// {self.draws}", *(_declaration(p) for p in self.parameters if p.name in used)]
        return "\n".join([*header, self._picture])

    def complete(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters of the query: `values` checked, defaults for the rest.

        Raises:
            InvalidArgumentError: a parameter is missing, unknown, of another type, or has an unknown value.
        """
        missing = [p.name for p in self.parameters if p.required and p.name not in values]
        if missing:
            raise self._mismatch(f"needs {', '.join(missing)}")
        return self.with_defaults(values)

    def with_defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """As `complete`; a required parameter without a value is None, and None stands for the default of others.

        Raises:
            InvalidArgumentError: a parameter is unknown, of another type, or has an unknown value.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        if unknown := [name for name in values if name not in known]:
            raise self._mismatch(f"does not take {', '.join(unknown)}")
        given = {name: _number(value) for name, value in values.items() if value is not None}
        for name, value in given.items():
            _check_value(self.id, known[name], value)
        return {name: given.get(name, parameter.default) for name, parameter in known.items()}

    def _mismatch(self, problem: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{self.id} {problem}", fix=f"It takes {', '.join(p.name for p in self.parameters)}."
        )


def used_parameters(cypher: str) -> set[str]:
    """Names of the parameters in a statement."""
    return set(re.findall(r"\$(\w+)", cypher))


def _declaration(parameter: Parameter) -> str:
    default = "" if parameter.required else f" = {json.dumps(parameter.default)}"
    return f"// @param {parameter.name} {parameter.type}{default} -- {parameter.description}"


def _number(value: Any) -> Any:
    """A value, or a list of values; numpy's numbers as Python's."""
    if isinstance(value, list | tuple):
        return [_number(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _check_value(query: str, parameter: Parameter, value: Any) -> None:
    types = _TYPES.get(parameter.type.partition("<")[0])
    wrong_type = types and not isinstance(value, types)
    wrong_boolean = types and isinstance(value, bool) and parameter.type != "BOOLEAN"
    items = value if isinstance(value, list | tuple) else [value]
    of_items = _TYPES.get(parameter.type.removeprefix("LIST<").removesuffix(">")) if "<" in parameter.type else None
    kinds = set(map(type, items)) if of_items else set()
    wrong_item = any(not issubclass(kind, of_items or ()) or (kind is bool) != (of_items == (bool,)) for kind in kinds)
    if wrong_type or wrong_boolean or wrong_item:
        raise InvalidArgumentError(f"{query}: {parameter.name} must be {parameter.type}, not {value!r:.60}")
    if choices := _CHOICES.get(parameter.name):
        for one in items:
            if one not in choices:
                raise InvalidArgumentError(
                    f"{query}: {parameter.name} cannot be {one!r:.60}",
                    fix=f"It must be one of {', '.join(choice or 'an empty text' for choice in choices)}.",
                )


@cache
def catalogue() -> dict[str, CatalogueQuery]:
    """All queries by id (`paths.top_k` is `paths/top_k.cypher`), in order of id, internal ones included."""
    root = files(__package__) / "cypher"
    fragments = read_fragments((root / "fragments.cypher").read_text(encoding="utf-8"))
    queries = [
        read_query(f"{folder.name}.{file.name.removesuffix('.cypher')}", file.read_text(encoding="utf-8"), fragments)
        for folder in root.iterdir()
        for file in _cypher_files(folder)
    ]
    return {query.id: query for query in sorted(queries, key=lambda query: query.id)}


def _cypher_files(folder: Traversable) -> list[Traversable]:
    return [file for file in folder.iterdir() if file.name.endswith(".cypher")] if folder.is_dir() else []


def public_queries() -> list[CatalogueQuery]:
    """The queries that people ask, in order of id."""
    return [query for query in catalogue().values() if not query.internal]


def find_query(query_id: str) -> CatalogueQuery:
    """The query of that id.

    Raises:
        QueryNotFoundError: there is none.
    """
    try:
        return catalogue()[query_id]
    except KeyError:
        raise QueryNotFoundError(
            f"the catalogue has no query {query_id!r}",
            fix=known_names(query_id, [query.id for query in public_queries()], command="query --list"),
        ) from None


def read_fragments(text: str) -> dict[str, Fragment]:
    """The fragments of `fragments.cypher` by name. Each may use those above it.

    Raises:
        QueryFileError: the file is malformed, or mentions a fragment or number that does not exist.
    """
    fragments: dict[str, Fragment] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), 1):
        if start := _FRAGMENT.fullmatch(line):
            name = start[1]
            fragments[name] = Fragment(_listed(start[2]))
        elif line.startswith("// @"):
            if not name or not _PARAMETER.fullmatch(line.removeprefix("// ")):
                raise QueryFileError(
                    f"fragments.cypher:{number}: {line!r} is neither '// @fragment NAME -- MEANING' nor, below one, "
                    "'// @param NAME TYPE [= DEFAULT] -- MEANING'"
                )
            fragments[name] = replace(fragments[name], declared=(*fragments[name].declared, line))
        elif line and not line.startswith("//"):
            code = _expanded(line, fragments, f"fragments.cypher:{number}")
            declared = (*fragments[name].declared, *_declared_by(line, fragments))
            whole = f"{fragments[name].text}\n{code}".lstrip("\n")
            fragments[name] = Fragment(fragments[name].arguments, declared, whole)
    return fragments


def read_query(query_id: str, text: str, fragments: Mapping[str, Fragment]) -> CatalogueQuery:
    """The query in a `.cypher` file.

    Raises:
        QueryFileError: the file is malformed, or mentions a fragment or number that does not exist.
    """
    file = query_id.replace(".", "/") + ".cypher"
    lines = [_expanded(line, fragments, f"{file}:{number}") for number, line in enumerate(text.splitlines(), 1)]
    comments = list(takewhile(lambda line: line.startswith("//"), lines))
    rows, draws, picture = _forms(lines[len(comments) :], f"{file}:{len(comments) + 1}")
    shared = [_GRAPH, *(line for code in text.splitlines() for line in _declared_by(code, fragments))]
    internal = text.startswith(_INTERNAL)
    if internal:
        comments[0] = f"// {comments[0].removeprefix(_INTERNAL).strip()}"
    header = _with_declarations(comments, shared, rows)
    entries = _entries(header, file)
    if internal == bool(draws):
        raise QueryFileError(f"{file}:{len(lines)}: a query has either a visual form or @internal at its beginning")
    return CatalogueQuery(
        id=query_id,
        answers=" ".join(takewhile(lambda entry: entry and not entry.startswith("@"), entries)),
        parameters=tuple(_parameter(m) for entry in entries if (m := _PARAMETER.fullmatch(entry))),
        columns=tuple(Column(*m.groups()) for entry in entries if (m := _COLUMN.fullmatch(entry))),
        internal=internal,
        draws=draws,
        _header="".join(f"{line}\n" for line in header),
        _rows=rows,
        _picture=picture,
    )


def _declared_by(line: str, fragments: Mapping[str, Fragment]) -> list[str]:
    """The declarations of the fragments that a line of a statement mentions."""
    if line.lstrip().startswith("//"):
        return []
    mentioned = [fragments[name] for name, _ in _MENTION.findall(line) if name in fragments]
    return [declared for fragment in mentioned for declared in fragment.declared]


def _with_declarations(header: list[str], shared: Iterable[str], statement: str) -> list[str]:
    """The header with those of the shared declarations whose parameters the statement uses and it does not declare:
    required parameters before its own, others after them."""
    own = {line.split()[2] for line in header if line.startswith("// @param ")}
    missing = used_parameters(statement) - own
    added = {line.split()[2]: line for line in shared if line.split()[2] in missing}.values()
    required = [line for line in added if " = " not in line.partition(" -- ")[0]]
    optional = [line for line in added if line not in required]
    first = next((i for i, line in enumerate(header) if line.startswith(("// @param", "// @returns"))), len(header))
    last = next((i for i, line in enumerate(header) if line.startswith("// @returns")), len(header))
    return [*header[:first], *required, *header[first:last], *optional, *header[last:]]


def _entries(header: list[str], file: str) -> list[str]:
    """The entries of a header: sentences, and declarations with the lines that continue them."""
    entries: list[str] = []
    for number, line in enumerate(header, 1):
        text = line.removeprefix("//")
        if text.startswith("   ") and entries:
            entries[-1] += f" {text.strip()}"
            continue
        entry = text.strip()
        if entry.startswith("@") and not (_PARAMETER.match(entry) or _COLUMN.match(entry)):
            raise QueryFileError(
                f"{file}:{number}: {entry!r} is neither '@param NAME TYPE [= DEFAULT] -- MEANING' "
                "nor '@returns NAME TYPE -- MEANING'"
            )
        entries.append(entry)
    return entries


def _forms(lines: list[str], start: str) -> tuple[str, str, str]:
    """The statement that returns rows, what the visual form draws, and its statement; the last two may be empty."""
    if lines[:1] != [DIALECT.strip()]:
        raise QueryFileError(f"{start}: a statement begins with {DIALECT!r}")
    code, _, drawing = "".join(f"{line}\n" for line in lines).partition(_VISUAL)
    shared, has_result, result = code.partition(f"{_RESULT}\n")
    draws, _, picture = drawing.partition("\n")
    if picture and not picture.startswith(DIALECT):
        if not has_result:
            raise QueryFileError(f"{start}: the visual form continues the statement at {_RESULT!r}, which is missing")
        picture = shared + picture
    return shared + result, draws, picture


def _expanded(line: str, fragments: Mapping[str, Fragment], place: str) -> str:
    """A line with fragments and numbers in their places."""
    is_comment = line.lstrip().startswith("//")
    indent = " " * (len(line) - len(line.lstrip()))

    def put(match: re.Match[str]) -> str:
        name, arguments = match[1], _listed(match[2])
        if name.isupper():
            if not hasattr(limits, name):
                raise QueryFileError(f"{place}: schema/limits.py has no {name}")
            return str(getattr(limits, name))
        if is_comment:
            return match[0]
        if name not in fragments or len(arguments) != len(fragments[name].arguments):
            raise QueryFileError(f"{place}: fragments.cypher has no @{name} of {len(arguments)} arguments")
        return fragments[name].filled(arguments).replace("\n", f"\n{indent}")

    return _MENTION.sub(put, line)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(re.split(r",\s*", text)) if text else ()


def _parameter(match: re.Match[str]) -> Parameter:
    name, cypher_type, default, description = match.groups()
    value = None if default is None else json.loads(default)
    return Parameter(name, cypher_type, default is None, value, description)
