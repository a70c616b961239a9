"""Write the generated parts of the documentation: python scripts/write_docs.py [--check].

The command line's reference comes from its help, the schema's and the JSON's from the models, the
catalogue's from the headers of the queries. With --check, nothing is written, and a page that is out of
date ends it with 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.labels import FILE, HAND, IMPORTED, NEURONPEDIA
from circuit_atlas.queries import (
    compare_results,
    feature_results,
    path_results,
    results,
    supernode_results,
)
from circuit_atlas.queries.catalogue import public_queries
from circuit_atlas.queries.search import Hits
from circuit_atlas.schema import answer, models
from circuit_atlas.schema.apply import SCHEMA_VERSION
from circuit_atlas.schema.apply import statements as ddl
from circuit_atlas.schema.limits import BOUNDS_BLOCK, SHORTLIST_FROM, SHORTLISTED_PATHS

from circuit_atlas.cli import cli
from circuit_atlas.explain import ExplainResult, ImportResult, Label
from circuit_atlas.synth import SynthResult

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Written by scripts/write_docs.py (make docs). -->\n\n"
ANSWERS = {
    "ingest": answer.IngestResult,
    "ingest, several files": answer.IngestResults,
    "export": answer.ExportResult,
    "verify": answer.Verifications,
    "graphs": results.Graphs,
    "stats": results.Statistics,
    "node": results.NodeDetails,
    "neighbors": results.Neighbors,
    "neighbors --hops": results.Subgraph,
    "paths, score": path_results.Paths,
    "count": path_results.PathCounts,
    "distribution": path_results.ScoreDistribution,
    "influence": path_results.Contributors,
    "view": answer.ViewResult,
    "report": answer.ReportResult,
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
    "search": Hits,
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
([supernodes](supernodes.md)).

## :Tag

`name` of a collection of graphs.

## :PathBounds

`sums[i]` is the largest sum of `sign` * weight over all paths of exactly `hops` hops from given sources to the node of
ordinal `block` * {BOUNDS_BLOCK} + i; -Infinity where there is none, or where a path may not pass. `sources` is `tokens`
for all tokens, and a hash of the question for bounds that were made for one and kept, at `kept_at`.
[paths.md](paths.md) tells what for.

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
        "# Queries\n\nThe catalogue, one `.cypher` file per query. `circuit-atlas query ID -p NAME=VALUE` runs a query. "
        "`circuit-atlas query\n--show ID` prints it with its parameters: paste both into Neo4j Browser, then run the "
        "statement alone to see its result.\nA query of several hops is printed for `--hops N`. The visual form of a "
        "query returns paths, which Browser draws; `--visual`\nprints it. `--show-cypher` on any command prints the "
        "statements that it sends.\n"
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
