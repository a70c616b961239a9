"""Everything that is stored: each label and type of relationship with its properties.

A property is declared once, here, with its type, its unit and what it means. The importer's columns, the descriptions
of `schema/models.py` and the schema page of the documentation are made from these declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from circuit_atlas.schema.limits import BOUNDS_BLOCK, LIMB, MAX_EXPLANATIONS, SHORTLIST_FROM, SHORTLISTED_PATHS

# Types of properties, in the words of Neo4j's importer.
STRING, LONG, DOUBLE, BOOLEAN, DATETIME = "string", "long", "double", "boolean", "datetime"
STRINGS, LONGS, DOUBLES, BYTES = "string[]", "long[]", "double[]", "byte[]"

_LIMB = f"10^{len(str(LIMB)) - 1}"
EMPTY = "empty"  # on a node that the importer makes: names of its properties that are empty texts


@dataclass(frozen=True)
class Property:
    """A stored property.

    Args:
        type: in the words of Neo4j's importer: `string`, `long`, `double[]`, ...
        description: what it means, in one phrase.
        unit: what a number counts or is measured in; empty for text.
        imported: whether files for the importer have a column for it. What only exists while a graph is written or
            removed, and columns of edges, have none.
    """

    type: str
    description: str
    unit: str = ""
    imported: bool = True


@dataclass(frozen=True)
class Label:
    """A label of nodes: what they stand for, the properties that identify one of them, if any, and all properties."""

    description: str
    key: tuple[str, ...]
    properties: Mapping[str, Property]


@dataclass(frozen=True)
class Relationship:
    """A type of relationship, from nodes with the label `start` to nodes with the label `end`."""

    start: str
    end: str
    description: str
    properties: Mapping[str, Property] = field(default_factory=dict)


_GRAPH = {
    "name": Property(STRING, "Name of the graph, unique in the database"),
    "status": Property(STRING, "`ready`, or `loading` or `deleting` while it is written or removed"),
    "slug": Property(STRING, "Name given in the file, else the file's name without its suffix"),
    "prompt": Property(STRING, "The prompt as the file gives it"),
    "tokens": Property(STRINGS, "The prompt's tokens as text, one for each position"),
    "model": Property(STRING, "The language model, for instance `gemma-2-2b`"),
    "source_set": Property(STRING, "The set of transcoders that the features belong to, for instance `clt-hp`"),
    "lorsa_source_set": Property(
        STRING, "The set that the attention features belong to; null in a graph that has none"
    ),
    "scan": Property(STRING, "circuit-tracer's identifier of the transcoders, as the file gives it"),
    "n_layers": Property(LONG, "Number of layers of the model", "layers"),
    "n_pos": Property(LONG, "Number of positions of the prompt", "positions"),
    "source_format": Property(
        STRING, "What it was made from: `json`, `pt`, `graph` (circuit_tracer.Graph), `synth`, `aggregate`"
    ),
    "address": Property(
        STRING, "Where its file was downloaded from; null if it was not, or if options said how to read it"
    ),
    "node_threshold": Property(DOUBLE, "Share of the influence that the nodes kept by pruning carry", "share, 0 to 1"),
    "edge_threshold": Property(DOUBLE, "Share of the influence that the edges kept by pruning carry", "share, 0 to 1"),
    "active_features": Property(LONG, "Features that are active on the prompt, if the file says so", "features"),
    "vocab_size": Property(
        LONG, "Size of the vocabulary; a logit whose index is this or larger is a virtual logit", "tokens"
    ),
    "file_metadata": Property(STRING, "The file's `metadata`, as JSON text"),
    "file_qparams": Property(STRING, "The file's `qParams`, as JSON text"),
    "file_extra": Property(STRING, "The file's unknown top-level fields, as JSON text"),
    "file_form": Property(
        STRING,
        "What else is needed to write the same file again, as JSON text: dtypes of tensors, links of weight 0, "
        "texts of logits",
    ),
    "content_hash": Property(STRING, "SHA-256 of the content in hex; equal graphs have the same in every file format"),
    "collapsed_from": Property(STRING, "On a collapsed graph: name of the graph whose supernodes it shows"),
    "collapsed_weights": Property(
        STRING, "On a collapsed graph: `shares` or `sums`, how parallel effects are combined"
    ),
    "collapsed_state": Property(
        STRING, "On a collapsed graph: hash of what it was made from; shows if it is out of date"
    ),
    "aggregated_names": Property(STRINGS, "On an aggregate: names of the graphs that were given, if any"),
    "aggregated_tags": Property(STRINGS, "On an aggregate: tags that were given, if any"),
    "aggregated_graphs": Property(LONG, "On an aggregate: number of graphs that it was made of", "graphs"),
    "aggregated_align": Property(
        STRING, "On an aggregate: `feature`, `relative` or `exact`, how the nodes of the graphs were aligned"
    ),
    "aggregated_weight": Property(
        STRING, "On an aggregate: `mean` or `normalised`, whether weights were divided by the target's `input_sum`"
    ),
    "aggregated_min_graphs": Property(
        LONG,
        "On an aggregate: nodes and effects that fewer graphs have were left out; null without such a limit",
        "graphs",
    ),
    "aggregated_state": Property(STRING, "On an aggregate: hash of what it was made of; shows if it is out of date"),
    "warnings": Property(STRINGS, "Oddities in the file that the reader accepted"),
    "nodes": Property(LONG, "Number of nodes", "nodes"),
    "edges": Property(LONG, "Number of direct effects", "edges"),
    "density": Property(DOUBLE, "edges / nodes^2", "share, 0 to 1"),
    "feature_nodes": Property(LONG, "Number of nodes that are features", "nodes"),
    "error_nodes": Property(LONG, "Number of nodes that are reconstruction errors", "nodes"),
    "token_nodes": Property(LONG, "Number of nodes that are tokens", "nodes"),
    "logit_nodes": Property(LONG, "Number of nodes that are logits", "nodes"),
    "bias_nodes": Property(LONG, "Number of nodes that are biases", "nodes"),
    "other_nodes": Property(LONG, "Number of nodes of types that this version does not know", "nodes"),
    "zero_links": Property(LONG, "Links of weight 0 in the file, which are not stored", "links"),
    "weight_min": Property(DOUBLE, "Smallest weight", "direct effect"),
    "weight_max": Property(DOUBLE, "Largest weight", "direct effect"),
    "replacement_score": Property(
        DOUBLE, "Replacement score of the graph as stored (circuit-tracer's `compute_graph_scores`)", "share, 0 to 1"
    ),
    "completeness_score": Property(
        DOUBLE, "Completeness score of the graph as stored (circuit-tracer's `compute_graph_scores`)", "share, 0 to 1"
    ),
    "acyclic": Property(BOOLEAN, "Whether the graph has no cycle"),
    "created_at": Property(DATETIME, "When its ingest began"),
    "published_at": Property(DATETIME, "When it became visible under its name"),
    "version": Property(STRING, "A random text; every publish of a graph sets a new one"),
    "target_name": Property(STRING, "While it is written: the name that it will get", imported=False),
    "owner": Property(
        STRING,
        "While it is written or removed: the process that does so (host, boot, namespace, process id, start time)",
        imported=False,
    ),
    "heartbeat": Property(
        LONG,
        "While it is written or removed: when its owner last showed that it is alive, by the server's clock",
        "milliseconds since 1970",
        imported=False,
    ),
}

_NODE = {
    "graph": Property(STRING, "Name of its graph"),
    "key": Property(STRING, "Unique within the graph: `feature:8/37691@6`, `token:6`, ..."),
    "name": Property(STRING, "What a person calls it: label, token or logit text, never a bare number"),
    "ordinal": Property(LONG, "Place in the file's list of nodes, from 0; row and column in the matrix of a `.pt`"),
    "layer": Property(LONG, "Layer of a feature or error; null for tokens and logits"),
    "position": Property(LONG, "Position in the prompt, from 0"),
    "index": Property(LONG, "Feature index in its transcoder layer, or vocabulary index of a token or logit"),
    "source_id": Property(STRING, "The file's own `node_id`; null when it has none (`.pt`)"),
    "js_node_id": Property(STRING, "The file's `jsNodeId`"),
    "component": Property(
        STRING,
        "Which part of its layer it belongs to: a feature to a `transcoder` or a `lorsa` (attention), an error to the "
        "`mlp` or the `attention`, a bias to one of the four; null for tokens and logits",
    ),
    "feature_type": Property(STRING, "The file's `feature_type`"),
    "clerp": Property(STRING, "The file's label of the node, unchanged"),
    "token": Property(STRING, "Text of a token or logit, blanks included"),
    "activation": Property(DOUBLE, "Activation of a feature", "activation"),
    "probability": Property(DOUBLE, "Probability of a logit", "probability"),
    "influence": Property(
        DOUBLE,
        "Influence on the logits over all paths (circuit-tracer's `compute_node_influence`), computed from the "
        "graph as stored",
        "probability",
    ),
    "cumulative_influence": Property(
        DOUBLE,
        "The file's `influence`: share of the influence of this node and all stronger ones, so small means strong",
        "share, 0 to 1",
    ),
    "input_sum": Property(DOUBLE, "Sum of |weight| over its inputs", "direct effect"),
    "pinned": Property(BOOLEAN, "True for nodes that are pinned in the frontend"),
    "extra": Property(STRING, "The file's other fields of the node, as JSON text"),
    "graphs": Property(LONG, "In an aggregate: number of graphs that have the node", "graphs"),
    "mean_influence": Property(
        DOUBLE,
        "In an aggregate: mean over all graphs of the influence in each, 0 where a graph lacks the node",
        "probability",
    ),
}

_QK_ONLY_NODE = {
    "place": Property(LONG, "Place in the file's list of such nodes, from 0"),
    **{
        name: _NODE[name]
        for name in ("key", "name", "layer", "position", "index", "source_id", "component", "feature_type", "clerp")
    },
    "activation": _NODE["activation"],
}

_TRANSCODER_FEATURE = {
    "model": Property(STRING, "The language model"),
    "source_set": Property(STRING, "The set of transcoders, or of lorsas"),
    "layer": Property(LONG, "Layer of the transcoder"),
    "index": Property(LONG, "Index of the feature in its transcoder layer"),
    "component": Property(
        STRING, "`transcoder`, or `lorsa` for an attention feature; null until the feature is active in a graph"
    ),
    "explanation": Property(STRING, "The first of `explanations`: it is shown, and it is the name of the activations"),
    "explanations": Property(
        STRINGS,
        f"All explanations, at most {MAX_EXPLANATIONS}: labels given by hand, then fetched and imported ones, then "
        "labels in graph files",
    ),
    "explanation_sources": Property(
        STRINGS, "Where each comes from: `hand`, `neuronpedia`, `import:` and a file, or `file:` and a graph's slug"
    ),
    "explanation_models": Property(STRINGS, "The model that wrote each, or an empty text"),
    "explanation_types": Property(STRINGS, "What its source calls the type of each, or an empty text"),
    "explanation_dates": Property(STRINGS, "When each was stored, in ISO 8601, or an empty text"),
    "fetched_at": Property(DATETIME, "When Neuronpedia was last asked for explanations, even if it had none"),
}
EXPLANATION_LISTS = tuple(name for name, declared in _TRANSCODER_FEATURE.items() if declared.type == STRINGS)
"""Lists of equal length: one value for each explanation."""

LABELS = {
    "Graph": Label(
        "An attribution graph. It has its name, and its nodes have it as `graph`, only while it is complete, so a "
        "query by name sees all of a graph or nothing. While it is written or removed, its name contains a `~`. A "
        "graph that was collapsed by its supernodes is a separate graph named `NAME:collapsed`. An aggregate is a "
        "graph that was made of many.",
        ("name",),
        _GRAPH,
    ),
    "Node": Label(
        "A node of an attribution graph. A second label, `Feature`, `Error`, `Token`, `Logit`, `Bias` or `Other`, and "
        "the first part of the key say what kind of node it is. In a collapsed graph, a supernode is a node with the "
        "key `KIND:supernode/NAME` and the `feature_type` `supernode`; it has the kind that its members share, else "
        "`Other`, and its members' keys in `extra`.",
        ("graph", "key"),
        _NODE,
    ),
    "TranscoderFeature": Label(
        "A feature of a transcoder, one for the whole database, so that a question across prompts needs one hop. It "
        "stays after its last activation is deleted if it has an explanation other than labels in graph files. A "
        "node is named by the explanation of its feature, but the label in its own graph's file goes before labels "
        "in other files.",
        ("model", "source_set", "layer", "index"),
        _TRANSCODER_FEATURE,
    ),
    "Supernode": Label(
        "A named group of nodes of a graph. A node in several supernodes belongs to the last one in a collapsed graph.",
        ("graph", "name"),
        {
            "graph": Property(STRING, "Name of its graph"),
            "name": Property(STRING, "Name of the supernode, unique within the graph"),
            "order": Property(LONG, "Place among the supernodes of its graph, from 0"),
            "source": Property(STRING, "`file` (the file's `qParams`), `hand`, or `rule`"),
            "rule": Property(STRING, "The rule that it was made by, if `source` is `rule`"),
        },
    ),
    "Circuit": Label(
        "A named set of nodes of a graph. Tokens and logits belong to every circuit without being held. A graph that "
        "is replaced loses its circuits.",
        ("graph", "name"),
        {
            "graph": Property(STRING, "Name of its graph"),
            "name": Property(STRING, "Name of the circuit, unique within the graph"),
            "rule": Property(STRING, "How its nodes were chosen; missing if they were named"),
        },
    ),
    "Tag": Label(
        "A collection of graphs.", ("name",), {"name": Property(STRING, "Name of the tag, unique in the database")}
    ),
    "ActiveFeatures": Label(
        "A block of all features that are active on the prompt of a whole `.pt`, in the file's order, where its "
        "nodes are only some of them.",
        (),
        {
            "block": Property(LONG, "Number of the block, from 0"),
            "layers": Property(LONGS, "Layer of each feature"),
            "positions": Property(LONGS, "Position of each feature"),
            "indices": Property(LONGS, "Index of each feature in its transcoder layer"),
            "ordinals": Property(LONGS, "Ordinal of each feature's node, -1 if it has none"),
            "activations": Property(DOUBLES, "Activation of each feature; missing if the file lacks it", "activation"),
        },
    ),
    "AggregateSums": Label(
        "A block of what an aggregate adds up: a graph can be added to it, or taken out, without reading the others "
        "again. Missing where these sums would be too many.",
        (),
        {
            "block": Property(LONG, "Number of the block, from 0", imported=False),
            "data": Property(BYTES, "A part of the sums: a file of numpy, compressed by zlib", imported=False),
        },
    ),
    "QkOnlyNode": Label(
        "A node that is not in a graph, because pruning removed it, but that one of its QK pairs names. It has no "
        "direct effects. Its properties are as in `:Node`.",
        (),
        _QK_ONLY_NODE,
    ),
    "PathBounds": Label(
        f"Upper bounds that make path search exact without looking at every path, for {BOUNDS_BLOCK} nodes each: those "
        f"with the ordinals `block` * {BOUNDS_BLOCK} + i.",
        ("graph", "sources", "sign", "hops", "block"),
        {
            "graph": Property(STRING, "Name of its graph"),
            "sources": Property(
                STRING,
                "Where paths begin: `tokens` for all tokens",
            ),
            "sign": Property(LONG, "1 for the largest sums of weights, -1 for the largest sums of negated weights"),
            "hops": Property(LONG, "Exact number of edges of the paths", "hops"),
            "block": Property(LONG, "Number of the block of nodes, from 0"),
            "sums": Property(
                DOUBLES,
                "For each node the largest sum of `sign` * weight over all paths to it; -Infinity if no path leads "
                "there or may pass it",
                "direct effect",
            ),
        },
    ),
    "PathSteps": Label(
        f"The shortlist of a node with more than {SHORTLIST_FROM} inputs: those through which the {SHORTLISTED_PATHS} "
        "best paths of each number of hops reach it. The other properties are as in `:PathBounds`.",
        ("graph", "sources", "sign", "ordinal"),
        {
            "graph": Property(STRING, "Name of its graph"),
            "sources": Property(STRING, "Where paths begin"),
            "sign": Property(LONG, "1 for weights, -1 for negated weights"),
            "ordinal": Property(LONG, "Ordinal of the node"),
            "inputs": Property(LONGS, "Ordinals of the listed inputs"),
            "weights": Property(DOUBLES, "Weights of their effects on the node", "direct effect"),
            # In Python: Shortlist.unlisted_best.
            "floors": Property(
                DOUBLES,
                "At place j: the best value of a path of j + 1 hops through an input not listed",
                "direct effect",
            ),
            "input_sum": Property(DOUBLE, "The node's `input_sum`", "direct effect"),
        },
    ),
    "PathCounts": Label(
        f"Exact numbers of paths from all tokens to {BOUNDS_BLOCK} nodes: those with the ordinals `block` * "
        f"{BOUNDS_BLOCK} + i. A count can exceed 64 bits, so it is stored in three parts: low + mid * {_LIMB} + "
        f"high * {_LIMB}^2. A graph with a cycle has none.",
        ("graph", "hops", "block"),
        {
            "graph": Property(STRING, "Name of its graph"),
            "hops": Property(LONG, "Exact number of edges of the paths", "hops"),
            "block": Property(LONG, "Number of the block of nodes, from 0"),
            "low": Property(LONGS, "Lowest part of the number of paths to each node", "paths"),
            "mid": Property(LONGS, "Middle part", "paths"),
            "high": Property(LONGS, "Highest part", "paths"),
        },
    ),
    "EdgeColumns": Label(
        "A second copy of up to 300,000 direct effects, as columns of bytes (little endian), in order of target, then "
        "source: "
        "the incoming effects of the nodes with the ordinals `first` + i. What needs all effects of a graph reads "
        "these instead of the relationships, in a hundredth of the time.",
        ("graph", "block"),
        {
            "graph": Property(STRING, "Name of its graph", imported=False),
            "block": Property(LONG, "Number of the block, from 0", imported=False),
            "content_hash": Property(STRING, "The `content_hash` of the graph", imported=False),
            "first": Property(LONG, "Ordinal of the first target", imported=False),
            "inputs": Property(
                BYTES, "How many of the effects lead to each target, as uint32", "direct effects", imported=False
            ),
            "sources": Property(BYTES, "Ordinals of the sources", imported=False),
            "source_type": Property(STRING, "Their dtype, as numpy writes it, for instance `<u2`", imported=False),
            "weights": Property(BYTES, "The weights", "direct effect", imported=False),
            "weight_type": Property(
                STRING, "Their dtype: `<f4`, or `<f8` where a float32 would not be exact", imported=False
            ),
            "has_extras": Property(BOOLEAN, "Whether any of the effects has the property `extra`", imported=False),
        },
    ),
    "EdgeBatch": Label(
        "While a graph is written: a batch of edges that is stored, so that it is not written twice.",
        ("graph", "number"),
        {
            "graph": Property(STRING, "Name under which the graph is written", imported=False),
            "number": Property(LONG, "Number of the batch, from 0", imported=False),
        },
    ),
    "CircuitAtlas": Label(
        "The store itself; there is one.",
        ("id",),
        {
            "id": Property(STRING, "`store`"),
            "schema_version": Property(LONG, "Version of the schema"),
        },
    ),
}

RELATIONSHIPS = {
    "DIRECT_EFFECT": Relationship(
        "Node",
        "Node",
        "The direct effect of a source on a target. Effects of 0 are not stored.",
        {
            "weight": Property(
                DOUBLE,
                "The signed direct effect, a float64 as in the file, never 0; in an aggregate the mean over all graphs",
                "direct effect",
            ),
            "extra": Property(
                STRING, "The file's other fields of the link, as JSON text; no known producer writes any"
            ),
            "weight_present": Property(
                DOUBLE, "In an aggregate: mean weight over the graphs that have the effect", "direct effect"
            ),
            "weight_sd": Property(
                DOUBLE,
                "In an aggregate: population standard deviation of the weight over all graphs, 0 where a graph lacks "
                "the effect",
                "direct effect",
            ),
            "graphs": Property(LONG, "In an aggregate: number of graphs that have the effect", "graphs"),
            "sign_agreement": Property(
                DOUBLE,
                "In an aggregate: of the graphs that have the effect, the share in which it has its commonest sign",
                "share, 0 to 1",
            ),
        },
    ),
    "ACTIVATION_OF": Relationship(
        "Feature",
        "TranscoderFeature",
        "Which transcoder feature a node is an activation of. Supernodes in collapsed graphs have none.",
    ),
    "QK_PAIR": Relationship(
        "Node",
        "Node",
        "How much two nodes together add to an attention score: the first at the query's position, the second at the "
        "key's. Both may be `:QkOnlyNode`. It is not a direct effect, and is in no path.",
        {
            "attention": Property(STRING, "Key of the attention feature whose score it is"),
            "value": Property(DOUBLE, "The contribution; negative if it makes the score smaller", "attention score"),
            "place": Property(LONG, "Place in the file's list of pairs of that feature, from 0"),
        },
    ),
    "QK_MARGINAL": Relationship(
        "Node",
        "Node",
        "How much a node, which may be a `:QkOnlyNode`, adds to the score of an attention feature with all partners "
        "together.",
        {
            "side": Property(STRING, "`query` or `key`: the position at which it adds"),
            "value": Property(DOUBLE, "The contribution; negative if it makes the score smaller", "attention score"),
            "place": Property(LONG, "Place in the file's list of that side of the feature, from 0"),
        },
    ),
    "QK_ONLY": Relationship("Graph", "QkOnlyNode", "The nodes that only QK pairs name."),
    "GROUPS": Relationship("Supernode", "Node", "The members of a supernode."),
    "HOLDS": Relationship("Circuit", "Node", "The nodes of a circuit."),
    "TAGGED": Relationship("Graph", "Tag", "The collections that a graph belongs to."),
    "AGGREGATE_SUMS": Relationship("Graph", "AggregateSums", "The sums of an aggregate."),
    "ACTIVE_FEATURES": Relationship("Graph", "ActiveFeatures", "The features that are active on a graph's prompt."),
}


def imported_types(properties: Mapping[str, Property]) -> dict[str, str]:
    """Types by name of those properties that files for the importer have a column for."""
    return {name: declared.type for name, declared in properties.items() if declared.imported}
