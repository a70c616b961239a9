"""Write the generated parts of the documentation: python scripts/write_docs.py [--check].

The command line's reference comes from its help, the schema's from the models, the catalogue's from the headers of
the queries, JSON and errors from their classes, and the import graph from the source. With --check, none of
these is written, and the exit code is 1 if a file is out of date.

It always prepares three things that only the site needs and git ignores: the changelog and the contributor's page,
copied into docs/ with their links adapted, and the package laid out as it is installed, for the API reference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import import_graph
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.labels import FILE, HAND, IMPORTED, NEURONPEDIA
from circuit_atlas.queries import (
    catalogue,
    compare_results,
    feature_results,
    path_results,
    results,
    supernode_results,
)
from circuit_atlas.queries.search import Hits
from circuit_atlas.schema import models
from circuit_atlas.schema.apply import SCHEMA_VERSION
from circuit_atlas.schema.apply import statements as ddl
from circuit_atlas.schema.limits import BOUNDS_BLOCK, SHORTLIST_FROM, SHORTLISTED_PATHS
from pydantic import BaseModel

from circuit_atlas import answers, errors
from circuit_atlas.cli import cli
from circuit_atlas.explain import ExplainResult, ImportResult, Label
from circuit_atlas.synth import SynthResult

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Written by scripts/write_docs.py (make docs). -->\n\n"
ROOT = Path(__file__).parent.parent
RESULTS: dict[str, tuple[str, type[BaseModel]]] = {
    "ingest-one": ("`ingest` of one file", answers.IngestResult),
    "ingest": ("`ingest` of several files, `attribute`", answers.IngestResults),
    "export": ("`export`", answers.ExportResult),
    "verify": ("`verify`", answers.Verifications),
    "synth": ("`synth`", SynthResult),
    "graphs": ("`graphs`, `tag`", results.Graphs),
    "tags": ("`tags`", results.Tags),
    "stats": ("`stats`", results.Statistics),
    "node": ("`node`", results.NodeDetails),
    "neighbors": ("`neighbors`", results.Neighbors),
    "subgraph": ("`neighbors --hops`", results.Subgraph),
    "paths": ("`paths`, `score`", path_results.Paths),
    "count": ("`count`", path_results.PathCounts),
    "distribution": ("`distribution`", path_results.ScoreDistribution),
    "influence": ("`influence`", path_results.Contributors),
    "influence-by": ("`influence --by layer`, `position`, `kind`, `feature`", path_results.InfluenceGroups),
    "influence-by-edge": ("`influence --by edge`", path_results.InfluentialEffects),
    "supernodes": ("`supernodes list`, `supernodes create`", supernode_results.Supernodes),
    "supernode-links": ("`supernodes links`", supernode_results.SupernodeLinks),
    "feature": ("`features show`", feature_results.FeatureActivations),
    "shared-features": ("`features common`, `features only`", feature_results.SharedFeatures),
    "recurring": ("`recurring`", feature_results.Recurring),
    "compare": ("`compare`", compare_results.Comparison),
    "explain": ("`explain`", ExplainResult),
    "explain-from": ("`explain --from`", ImportResult),
    "label": ("`label`", Label),
    "search": ("`search`", Hits),
    "view": ("`view`", answers.ViewResult),
    "report": ("`report`", answers.ReportResult),
    "query": ("`query`", results.Rows),
}
"""For each schema file: the commands that print such JSON, and the class of the result in Python."""

GROUPS = {
    "Files": "demo attribute ingest graphs delete export verify backup restore synth",
    "Questions about one graph": (
        "stats node neighbors paths score count distribution influence supernodes collapse search label explain query"
    ),
    "Questions across prompts": "tag tags features compare recurring",
    "Pictures": "view report browse serve",
    "Server": "server doctor",
}


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
| 130 | interrupted with Ctrl-C |

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
        **{reference / "json" / f"{name}.schema.json": json_schema(name) for name in RESULTS},
        DOCS / "architecture.md": architecture_page(),
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
    for title, names in GROUPS.items():
        sections.append(f"## {title}\n")
        for name in names.split():
            command = cli.get_command(click.Context(cli), name)
            assert command is not None, name
            sections.append(f"### {name}\n\n{help_of(command, name)}")
            if isinstance(command, click.Group):
                for word, sub in command.commands.items():
                    sections.append(f"#### {name} {word}\n\n{help_of(sub, name, word)}")
    missing = set(cli.list_commands(click.Context(cli))) - set(" ".join(GROUPS.values()).split())
    assert not missing, f"commands without a group: {missing}"
    return "\n".join(sections)


def help_of(command: click.Command, *names: str) -> str:
    """The help of a command, 100 columns wide."""
    settings = {**cli.context_settings, "terminal_width": 100, "max_content_width": 100}
    context = click.Context(command, info_name=" ".join(("circuit-atlas", *names)), **settings)
    return f"```text\n{command.get_help(context).rstrip()}\n```\n"


def schema_page() -> str:
    """What the database holds."""
    graph = rows(models.GraphMetadata)
    node = rows(models.Node, skip=frozenset({"kind"}))
    constraints = "".join(f"{statement};\n" for statement in ddl()).rstrip()
    return rf"""# Schema, version {SCHEMA_VERSION}

```text
(:Graph {{name}})
(:Node:Feature|Error|Token|Logit|Other {{graph, key}})-[:DIRECT_EFFECT {{weight}}]->(:Node)
(:Feature)-[:ACTIVATION_OF]->(:TranscoderFeature {{model, source_set, layer, index}})
(:Supernode {{graph, name}})-[:GROUPS]->(:Node)
(:Graph)-[:TAGGED]->(:Tag {{name}})
(:PathBounds {{graph, sources, sign, hops, block}}), (:PathSteps {{graph, sources, sign, ordinal}})
(:PathCounts {{graph, hops, block}})
(:CircuitAtlas {{id: 'store', schema_version}})
```

`DIRECT_EFFECT` goes from source to target; `weight` is the signed direct effect, float32 widened to float64, and
never 0. A node's `graph` is its graph's name, and a graph has its name only once it is complete (`status` is
`ready`), so a query by name sees all of a graph or nothing. Another `status` is that of a graph being written
(`loading`) or removed (`deleting`), under a name that holds a `~`.

## :Graph

| property | meaning |
| --- | --- |
| `name` | the graph's name, unique |
| `status` | `ready`, `loading` or `deleting` |
{graph}
| `nodes`, `edges`, `density` | numbers of nodes and of direct effects, edges / nodes^2 |
| `feature_nodes`, `error_nodes`, `token_nodes`, `logit_nodes`, `other_nodes` | nodes by kind |
| `weight_min`, `weight_max` | range of the weights |
| `zero_links` | links of weight 0 in the file, which are not stored |
| `replacement_score`, `completeness_score` | circuit-tracer's `compute_graph_scores`, of the graph as stored |
| `acyclic` | whether no path returns to its start |
| `content_hash` | SHA-256 of the content, by which the same graph is recognised |
| `created_at`, `published_at` | when its ingest began, and when it became visible |

The file's own `metadata` and `qParams`, and top-level fields beyond them, are kept as JSON text.

## :Node

The labels `Feature`, `Error`, `Token`, `Logit` and `Other` tell the kind, and so does the key's first part.

| property | meaning |
| --- | --- |
| `graph` | name of its graph |
{node}
| `ordinal` | place in the file's list of nodes, from 0; row and column of a `.pt`'s matrix |
| `activation` | a feature's activation |
| `probability` | a logit's probability |
| `influence` | share of the logits that flows through it over all paths (`compute_node_influence`) |
| `input_sum` | sum of \|weight\| of its inputs |
| `cumulative_influence` | circuit-tracer's `influence`: share of influence of this node and all stronger ones |
| `token` | text of a token or logit, blanks included |
| `clerp` | the file's label, as it stands |
| `feature_type`, `js_node_id` | the file's fields of these names |
| `extra` | the file's other fields, as JSON text |
| `pinned` | true for nodes pinned in the frontend |

## :TranscoderFeature

One for the whole database, so that questions across prompts are one hop long. `model`, `source_set`, `layer` and
`index` identify it. It outlives its last activation only when it has an explanation other than a graph file's label.

| property | meaning |
| --- | --- |
| `explanation` | the explanation that is shown, and that its activations have as `name`: the first of `explanations` |
| `explanations` | all of them: labels given by hand, then what was fetched or imported, then labels in graph files |
| `explanation_sources` | of each: `{HAND}`, `{NEURONPEDIA}`, `{IMPORTED}` and a file, `{FILE}` and a graph's slug |
| `explanation_models` | of each, the model that wrote it, or an empty text |
| `explanation_types` | of each, the kind of explanation as its source names it, or an empty text |
| `explanation_dates` | of each, when it came here, ISO 8601, or an empty text |
| `fetched_at` | when Neuronpedia was last asked for it, also when it had none |

An activation is named by its feature's explanation, but a label in its own graph's file goes before labels in others.

## :Supernode

`name` of a group of nodes; `order` among those of its graph; `source`: `file` for one in the file's `qParams`, `hand`,
or `rule`, for one that was made by the `rule` given. A node in several counts, in a collapsed graph, in the last.

A graph collapsed by its supernodes is a `:Graph` of its own, named `NAME:collapsed`, with `collapsed_from`; no other
graph has a name that ends so. A supernode there is a `:Node` with `feature_type` `supernode`, the kind that its nodes
have in common (else `Other`), the key `kind:supernode/NAME`, and its nodes' keys in `extra`; it is an activation of no
transcoder feature, all other features are. Questions across prompts leave collapsed graphs out, unless they are named
([supernodes](../how-to/supernodes.md)).

## :Tag

`name` of a collection of graphs.

## :PathBounds

`sums[i]` is the largest sum of `sign` * weight over all paths of exactly `hops` hops from given sources to the node of
ordinal `block` * {BOUNDS_BLOCK} + i; -Infinity where there is none, or where a path may not pass. `sources` is `tokens`
for all tokens, and a hash of the question for bounds that were made for one and kept, at `kept_at`.
[How the path search works](../path-search.md) explains what they are for.

## :PathSteps

The shortlist of the node of that `ordinal`: `inputs` are the ordinals of those that lead the {SHORTLISTED_PATHS} best
paths of each number of hops, `weights` the weights of their effects; `floors[j]` is the best value of a path of j + 1
hops through any other input, `input_sum` that of the node. Nodes with at most {SHORTLIST_FROM} inputs have none.

## :PathCounts

The number of paths of exactly `hops` hops from all tokens to the node of ordinal `block` * {BOUNDS_BLOCK} + i is
`low[i]` + 10^14 * `mid[i]` + 10^28 * `high[i]`. A graph with a cycle has none.

## Constraints and indexes

```cypher
{constraints}
```

## How edges are written

```cypher
{statements.EDGE_BATCH.strip()}
```
"""


def rows(model: Any, skip: frozenset[str] = frozenset()) -> str:
    """Rows of a table of a model's fields."""
    fields = model.model_fields.items()
    return "\n".join(f"| `{name}` | {field.description} |" for name, field in fields if name not in skip)


def json_page() -> str:
    """The form of every command's JSON: tables of fields, and a file with its JSON Schema."""
    sections, parts = [JSON_INTRODUCTION], {}
    for name, (commands, model) in RESULTS.items():
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
    return schema.get("type", "any")


def json_schema(name: str) -> str:
    """The JSON Schema of a result."""
    commands, model = RESULTS[name]
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


def architecture_page() -> str:
    """The page as it is, with the import graph as the source has it."""
    begin, end = "<!-- imports: written by scripts/write_docs.py -->", "<!-- end of imports -->"
    text = read(DOCS / "architecture.md")
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n\n{import_graph.table()}\n\n{end}{rest.partition(end)[2]}"


def queries_page() -> str:
    """The catalogue."""
    sections = [
        "# Query catalogue\n\nOne `.cypher` file for each question. `circuit-atlas query --show ID` prints a query for "
        "Neo4j Browser, and\n`circuit-atlas query ID -p NAME=VALUE` runs it. `--show-cypher` on any command prints the "
        "statements it sends,\nparameters included. Every query also has a visual form that returns paths: "
        "`circuit-atlas query --show ID --visual`\nprints it.\n"
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
