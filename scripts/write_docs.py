"""Write the generated parts of the documentation: python scripts/write_docs.py [--check].

The command line's reference comes from its help, the schema's from the declared properties, the JSON's from the models,
the catalogue's from the headers of the queries. With --check, nothing is written, and a page that is out of
date ends it with 1.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import click
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.results import IngestResult, IngestResults
from circuit_atlas.queries import (
    compare_results,
    feature_results,
    path_results,
    results,
    supernode_results,
)
from circuit_atlas.queries.catalogue import catalogue
from circuit_atlas.queries.search import SearchResult
from circuit_atlas.schema.apply import SCHEMA_VERSION
from circuit_atlas.schema.apply import statements as ddl
from circuit_atlas.schema.properties import LABELS, RELATIONSHIPS, Property

from circuit_atlas.cli import cli
from circuit_atlas.explain import ExplainResult, ImportResult, Label
from circuit_atlas.export.results import ExportResult
from circuit_atlas.store.results import Verifications
from circuit_atlas.synth import SynthResult
from circuit_atlas.views.results import ReportResult, ViewResult

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Written by scripts/write_docs.py (make docs). -->\n\n"
ANSWERS = {
    "ingest": IngestResult,
    "ingest, several files": IngestResults,
    "export": ExportResult,
    "verify": Verifications,
    "graphs": results.Graphs,
    "stats": results.Statistics,
    "node": results.NodeDetails,
    "neighbors": results.Neighbors,
    "neighbors --hops": results.Subgraph,
    "paths, score": path_results.Paths,
    "count": path_results.PathCounts,
    "distribution": path_results.ScoreDistribution,
    "influence": path_results.Contributors,
    "view": ViewResult,
    "report": ReportResult,
    "influence --by": path_results.InfluenceGroups,
    "influence --by edge": path_results.InfluentialEffects,
    "tags": results.Tags,
    "features show": feature_results.FeatureActivations,
    "features common, features only": feature_results.SharedFeatures,
    "recurring": feature_results.Recurring,
    "compare": compare_results.Comparison,
    "supernodes list, create": supernode_results.Supernodes,
    "supernodes links": supernode_results.SupernodeLinks,
    "synth": SynthResult,
    "explain": ExplainResult,
    "explain --from": ImportResult,
    "label": Label,
    "search": SearchResult,
    "query": results.Rows,
}


def main() -> None:
    """Entry point."""
    pages = {"cli.md": cli_page(), "schema.md": schema_page(), "json.md": json_page(), "queries.md": queries_page()}
    stale = [name for name, text in pages.items() if read(DOCS / name) != NOTE + text]
    if "--check" in sys.argv[1:]:
        sys.exit(f"out of date: {', '.join(stale)}; run make docs" if stale else 0)
    for name in stale:
        (DOCS / name).write_text(NOTE + pages[name], encoding="utf-8")


def read(path: Path) -> str:
    """A page as it is."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def cli_page() -> str:
    """Help of every command."""
    sections = ["# Command line\n"]
    settings = {**cli.context_settings, "terminal_width": 100, "max_content_width": 100}
    for names, command in [((), cli), *commands(cli)]:
        context = click.Context(command, info_name=" ".join(("circuit-atlas", *names)), **settings)
        text = command.get_help(context)
        sections.append(f"## {context.info_name}\n\n```text\n{text.rstrip()}\n```\n")
    return "\n".join(sections)


def commands(group: click.Group, *names: str) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, with its words."""
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if command is None:
            continue
        found.append(((*names, name), command))
        if isinstance(command, click.Group):
            found += commands(command, *names, name)
    return found


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
    sections.append(f"## How edges are written\n\n```cypher\n{statements.EDGE_BATCH.strip()}\n```\n")
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


def json_page() -> str:
    """JSON Schema of every command's answer."""
    sections = [
        "# JSON\n\nWhat commands print with `--json`, or into a pipe. These forms are stable: fields are added, not "
        "changed.\nA node is the same everywhere; values that do not apply are null.\n"
    ]
    for command, model in ANSWERS.items():
        schema = json.dumps(model.model_json_schema(by_alias=True), indent=1)
        sections.append(f"## {command}\n\n```json\n{schema}\n```\n")
    return "\n".join(sections)


def queries_page() -> str:
    """The catalogue."""
    sections = [
        "# Queries\n\nThe catalogue, one `.cypher` file per question. `circuit-atlas query --show ID` prints one for "
        "Neo4j Browser, `circuit-atlas\nquery ID -p NAME=VALUE` runs it, and `--show-cypher` on any command prints "
        "what it asks, parameters included. Each has a\nvisual form, which returns paths: `circuit-atlas query --show "
        "ID --visual` prints it.\n"
    ]
    for query in catalogue().values():
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
