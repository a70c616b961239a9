"""Write the generated parts of the documentation: python scripts/write_docs.py [--check].

The command line's reference comes from its help, the schema's from the models, the catalogue's from the headers of
the queries, JSON and errors from their classes, and the import graph from the source. With --check, none of
these is written, and the exit code is 1 if a file is out of date.

It always prepares three things that only the site needs and git ignores: the changelog and the contributor's page,
copied into docs/ with their links adapted, and the package laid out as it is installed, for the API reference.
"""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import import_graph

from circuit_atlas import errors
from circuit_atlas.cli import cli, grouped_commands
from circuit_atlas.explain import ExplainResult, ImportResult, Label
from circuit_atlas.export.results import ExportResult
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.results import IngestResult, IngestResults
from circuit_atlas.queries import (
    circuit_results,
    compare_results,
    enriched_results,
    feature_results,
    graph_results,
    graph_tables,
    influence_results,
    motif_results,
    neighbor_results,
    node_results,
    path_results,
    row_results,
    series_results,
    similar_results,
    supernode_results,
)
from circuit_atlas.queries.catalogue import find_query, public_queries
from circuit_atlas.queries.search import SearchResult
from circuit_atlas.results.answer import Result
from circuit_atlas.results.answers import Answers
from circuit_atlas.schema.apply import SCHEMA_VERSION
from circuit_atlas.schema.apply import statements as ddl
from circuit_atlas.schema.properties import LABELS, RELATIONSHIPS, Property
from circuit_atlas.store.doctor import Diagnosis
from circuit_atlas.store.results import Verifications
from circuit_atlas.synth import SynthResult
from circuit_atlas.views.results import ReportResult, ViewResult

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Written by scripts/write_docs.py (make docs). -->\n\n"
ROOT = Path(__file__).parent.parent
COMMANDS: dict[str, tuple[str, type[Result]]] = {
    "ingest-one": ("`ingest` of one file, `aggregate`", IngestResult),
    "ingest": ("`ingest` of several files, `attribute`", IngestResults),
    "export": ("`export`", ExportResult),
    "verify": ("`verify`", Verifications),
    "synth": ("`synth`", SynthResult),
    "each": ("any question about a graph, with `--tag` or `--graph`", Answers),
    "graphs": ("`graphs`, `tag`", graph_results.Graphs),
    "tags": ("`tags`", graph_results.Tags),
    "stats": ("`stats`", graph_results.Statistics),
    "node": ("`node`", node_results.NodeDetails),
    "neighbors": ("`neighbors`", neighbor_results.Neighbors),
    "subgraph": ("`neighbors --hops`", neighbor_results.Subgraph),
    "paths": ("`paths`, `score`", path_results.Paths),
    "count": ("`count`", path_results.PathCounts),
    "distribution": ("`distribution`", path_results.ScoreDistribution),
    "influence": ("`influence`", influence_results.Contributors),
    "influence-by": ("`influence --by layer`, `position`, `kind`, `feature`", influence_results.InfluenceGroups),
    "influence-by-length": ("`influence --by length`", influence_results.InfluenceByLength),
    "influence-by-edge": ("`influence --by edge`", influence_results.InfluentialEffects),
    "supernodes": ("`supernodes list`, `supernodes create`", supernode_results.Supernodes),
    "circuit": ("`circuit`, `score-circuit`", circuit_results.Circuit),
    "circuits": ("`circuits`", circuit_results.StoredCircuits),
    "supernode-links": ("`supernodes links`", supernode_results.SupernodeLinks),
    "supernodes-suggest": ("`supernodes suggest`", supernode_results.SuggestedSupernodes),
    "supernodes-copy": ("`supernodes copy`", supernode_results.CopiedSupernodes),
    "feature": ("`features show`", feature_results.FeatureActivations),
    "shared-features": ("`features common`, `features only`", feature_results.SharedFeatures),
    "recurring": ("`recurring`", feature_results.Recurring),
    "recurring-motifs": ("`recurring --shape`", motif_results.RecurringMotifs),
    "motifs": ("`motifs`", motif_results.Motifs),
    "enriched": ("`enriched`", enriched_results.EnrichedFeatures),
    "enriched-edges": ("`enriched --by edge`", enriched_results.EnrichedEdges),
    "enriched-motifs": ("`enriched --by motif`", motif_results.EnrichedMotifs),
    "compare": ("`compare`", compare_results.Comparison),
    "similar": ("`similar`", similar_results.SimilarGraphs),
    "clusters": ("`clusters`", similar_results.Clusters),
    "series": ("`series`", series_results.Series),
    "explain": ("`explain`", ExplainResult),
    "explain-from": ("`explain --from`", ImportResult),
    "label": ("`label`", Label),
    "search": ("`search`", SearchResult),
    "view": ("`view`", ViewResult),
    "report": ("`report`", ReportResult),
    "query": ("`query`", row_results.Rows),
    "nodes": ("`graph.nodes()` in Python", graph_tables.GraphNodes),
    "doctor": ("`doctor`", Diagnosis),
}
"""For each schema file: the commands that print such JSON, and the class of the result in Python."""

JSON_INTRODUCTION = """# JSON output

What commands print with `--json`, or into a pipe. These forms are stable: fields are added, never changed or removed.
A node looks the same everywhere, and a value that does not apply is null. Each form has a
[JSON Schema](https://json-schema.org) file. In Python, `result.to_json()` gives the same text.
"""

ERRORS_INTRODUCTION = """# Errors and exit codes

Every error that circuit-atlas raises on purpose is an `AtlasError`. `str(error)` says where it happened, what is wrong,
and what to do; the attributes `where`, `what` and `fix` have the three parts. The command line prints the same text to
standard error, after `Error:`. [Troubleshooting](../troubleshooting.md) has the messages that people meet most often.

```python
from circuit_atlas import Atlas, AtlasError

with Atlas() as atlas:
    try:
        atlas.graph("dalas")
    except AtlasError as error:
        print(error.what, error.fix)
```

## Exit codes

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | the question or the file is wrong; or one of several files or prompts failed; or `verify` found a difference |
| 2 | the command line is wrong: an unknown option, a missing argument |
| 3 | the database, the network or the machine is not ready |
| 129 | the terminal was closed (SIGHUP) |
| 130 | interrupted with Ctrl-C |
| 143 | terminated (SIGTERM) |

## Classes

All are in `circuit_atlas.errors`. A class that is indented is a subclass of the one above it.

| class | exit code | meaning |
| --- | --- | --- |
"""


def main() -> None:
    """Entry point."""
    prepare_site()
    pages = generated()
    stale = [path for path, text in pages.items() if read(path) != text]
    superfluous = [path for path in (DOCS / "reference" / "json").glob("*.json") if path not in pages]
    if "--check" in sys.argv[1:]:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale + superfluous)
        sys.exit(f"out of date: {names}; run make docs" if names else 0)
    for path in stale:
        path.write_text(pages[path], encoding="utf-8")
    for path in superfluous:
        path.unlink()


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    reference = DOCS / "reference"
    return {
        reference / "cli.md": NOTE + cli_page(),
        reference / "schema.md": NOTE + schema_page(),
        reference / "queries.md": NOTE + queries_page(),
        reference / "json.md": NOTE + json_page(),
        reference / "errors.md": NOTE + errors_page(),
        **{reference / "json" / f"{name}.schema.json": json_schema(name) for name in all_results()},
        DOCS / "architecture.md": with_part(DOCS / "architecture.md", "imports", import_graph.table()),
        DOCS / "path-search.md": with_part(DOCS / "path-search.md", "hop", hop_of_strongest_paths()),
        DOCS / "images" / "imports.svg": import_graph.picture(),
    }


def read(path: Path) -> str:
    """A file as it is."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def prepare_site() -> None:
    """Write what only the site needs: two pages from the root, and the package as one folder."""
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        (DOCS / name.lower()).write_text(text, encoding="utf-8")
    package = ROOT / ".docs" / "circuit_atlas"
    package.mkdir(parents=True, exist_ok=True)
    folders = [*(ROOT / "src" / "circuit_atlas").iterdir(), *(ROOT / name for name in ("ingest", "queries", "schema"))]
    for link in package.iterdir():
        link.unlink()
    for folder in folders:
        (package / folder.name).symlink_to(folder)


def cli_page() -> str:
    """Help of every command, by group."""
    sections = [
        "# Command line\n\nEvery command and its options, as `circuit-atlas COMMAND --help` prints them. A command "
        "prints a table on\na terminal and JSON into a pipe; `--table`, `--json` and `--csv` choose. "
        "[Exit codes](errors.md#exit-codes) and\n[environment variables](environment.md) have pages of their own.\n",
        help_of(cli),
    ]
    for title, names in grouped_commands().items():
        sections.append(f"## {title}\n")
        for name in names:
            command = cli.get_command(click.Context(cli), name)
            assert command is not None, name
            sections.append(f"### {name}\n\n{help_of(command, name)}")
            if isinstance(command, click.Group):
                for word, sub in command.commands.items():
                    sections.append(f"#### {name} {word}\n\n{help_of(sub, name, word)}")
    return "\n".join(sections)


def help_of(command: click.Command, *names: str) -> str:
    """The help of a command, 100 columns wide."""
    settings = {**cli.context_settings, "terminal_width": 100, "max_content_width": 100}
    context = click.Context(command, info_name=" ".join(("circuit-atlas", *names)), **settings)
    return f"```text\n{command.get_help(context).rstrip()}\n```\n"


def schema_page() -> str:
    """Every label, type of relationship and property that is stored, from `schema/properties.py`."""
    sections = [f"# Schema, version {SCHEMA_VERSION}\n\n```text\n{schema_overview()}\n```\n"]
    for name, label in LABELS.items():
        sections.append(f"## :{name}\n\n{wrapped(label.description)}\n\n{property_table(label.properties)}\n")
    for name, relationship in RELATIONSHIPS.items():
        text = f"From `:{relationship.start}` to `:{relationship.end}`. {relationship.description}"
        table = f"{property_table(relationship.properties)}\n" if relationship.properties else ""
        sections.append(f"## :{name}\n\n{wrapped(text)}\n\n{table}".rstrip() + "\n")
    constraints = "\n".join(f"{statement};" for statement in ddl())
    sections.append(f"## Constraints and indexes\n\n```cypher\n{constraints}\n```\n")
    sections.append(f"## How edges are written\n\n```cypher\n{statements.WRITE_EDGE_BATCH.strip()}\n```\n")
    return "\n".join(sections)


def schema_overview() -> str:
    """Labels with the properties that identify a node, and what is between them."""
    nodes = [f"(:{name} {{{', '.join(label.key)}}})" for name, label in LABELS.items() if label.key]
    between = [f"(:{one.start})-[:{name}]->(:{one.end})" for name, one in RELATIONSHIPS.items()]
    return "\n".join([*nodes, "", *between])


def property_table(properties: Mapping[str, Property]) -> str:
    """Properties as a table in Markdown."""
    rows = [
        f"| `{name}` | {declared.type} | {declared.unit} | {declared.description.replace('|', chr(92) + '|')} |"
        for name, declared in properties.items()
    ]
    return "\n".join(["| property | type | unit | meaning |", "| --- | --- | --- | --- |", *rows])


def wrapped(text: str) -> str:
    """A paragraph in lines of at most 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def all_results() -> dict[str, tuple[str, type[Result]]]:
    """Those of `COMMANDS`, and every other class of results, under its own name."""
    known = {model for _, model in COMMANDS.values()}
    others = [model for model in subclasses(Result) if model not in known and not inspect.isabstract(model)]
    return COMMANDS | {model.__name__: (f"`{model.__name__}`", model) for model in others}


def subclasses(base: type[Any]) -> list[type[Any]]:
    """The classes derived from a class, directly or not, each before those derived from it."""
    return [found for direct in base.__subclasses__() for found in (direct, *subclasses(direct))]


def json_page() -> str:
    """The form of every command's JSON: tables of fields, and a file with its JSON Schema."""
    sections, parts = [JSON_INTRODUCTION], {}
    for name, (commands, model) in all_results().items():
        schema = model.model_json_schema(by_alias=True)
        parts.update(schema.get("$defs", {}))
        sections.append(
            f"## {commands}\n\n{schema.get('description', '')}\nSchema: [{name}.schema.json](json/{name}.schema.json), "
            f"class `{model.__name__}`.\n\n{fields_table(schema)}"
        )
    sections.append("## Parts\n\nObjects inside the results above.\n")
    for name, schema in sorted(parts.items()):
        if "properties" in schema:
            sections.append(f"### {name}\n\n{schema.get('description', '')}\n\n{fields_table(schema)}")
    return "\n".join(sections)


def fields_table(schema: dict[str, Any]) -> str:
    """A row for each field of an object."""
    rows = ["| field | type | meaning |", "| --- | --- | --- |"]
    for name, field in schema["properties"].items():
        meaning = field.get("description", "").replace("|", "\\|")
        rows.append(f"| `{name}` | {type_of(field)} | {meaning} |")
    return "\n".join(rows) + "\n"


def type_of(schema: dict[str, Any]) -> str:
    """A JSON type in a few words."""
    if "anyOf" in schema:
        return " or ".join(type_of(part) for part in schema["anyOf"])
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def json_schema(name: str) -> str:
    """The JSON Schema of a result."""
    commands, model = all_results()[name]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"Generated. Printed by {commands.replace('`', '')} --json.",
        **model.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, indent=1) + "\n"


def errors_page() -> str:
    """The tree of errors."""
    rows = [
        f"| {'&emsp;' * depth}`{error.__name__}` | {error.exit_code} | {meaning} |" for depth, error, meaning in tree()
    ]
    return ERRORS_INTRODUCTION + "\n".join(rows) + "\n"


def tree(error: type[errors.AtlasError] = errors.AtlasError, depth: int = 0) -> list[tuple[int, Any, str]]:
    """The classes of errors, each after its base: depth, class, meaning."""
    meaning = " ".join((error.__doc__ or "").split("\n\n")[0].split())
    rows = [(depth, error, meaning)]
    for below in error.__subclasses__():
        rows += tree(below, depth + 1)
    return rows


def with_part(page: Path, name: str, part: str) -> str:
    """The text of a page, with one part replaced: the text between the comments `NAME: written by ...` and `end of`."""
    begin, end = f"<!-- {name}: written by scripts/write_docs.py -->", f"<!-- end of {name} -->"
    head, found, rest = read(page).partition(begin)
    assert found, f"{page} has no {begin}"
    return f"{head}{begin}\n\n{part}\n\n{end}{rest.partition(end)[2]}"


def hop_of_strongest_paths() -> str:
    """The loop of `paths.strongest`."""
    _, begin, rest = find_query("paths.strongest").cypher().partition("WITH reduce(")
    loop, end, _ = rest.partition("}) AS paths\n")
    return f"```text\n{begin}{loop}{end}```"


def queries_page() -> str:
    """The catalogue."""
    sections = [
        "# Query catalogue\n\nThe catalogue has one `.cypher` file per query. `circuit-atlas query ID -p NAME=VALUE` "
        "runs a query.\n`circuit-atlas query --show ID` prints it with its parameters: paste both into Neo4j Browser, "
        "then run the\nstatement alone to see its result.\nThe visual form of a query returns paths, which Browser "
        "draws; `--visual` prints it. `--show-cypher` on any command\nprints the statements that it sends.\n"
    ]
    for query in public_queries():
        parameters = [
            f"| `{p.name}` | {p.type} | {'' if p.required else f'`{json.dumps(p.default)}`'} | {p.description} |"
            for p in query.parameters
        ]
        table = "\n".join(["| parameter | type | default | |", "| --- | --- | --- | --- |", *parameters, ""])
        columns = "\n".join(f"| `{c.name}` | {c.type} | {c.description} |" for c in query.columns)
        sections.append(
            f"## {query.id}\n\n{query.answers}\n\n{table if parameters else ''}\n"
            f"| returns | type | |\n| --- | --- | --- |\n{columns}\n\nVisual form: {query.draws}\n"
        )
    return "\n".join(sections)


if __name__ == "__main__":
    main()
