"""The name of a node, as Neo4j Browser shows it and a person types it."""

from __future__ import annotations

from circuit_atlas.graph.data import KINDS, NO_VALUE, NodeColumns
from circuit_atlas.schema.keys import Component, Kind, feature_name


def node_name(nodes: NodeColumns, i: int, tokens: list[str]) -> str:
    """The label, token or logit text of the node with ordinal `i`; without a label, what it is and where.

    Args:
        nodes: the graph's nodes.
        i: the ordinal.
        tokens: the tokens of the prompt, as text.
    """
    if nodes.is_supernode(i):
        return visible(nodes.label[i]) or "supernode"
    match KINDS[nodes.kind[i]]:
        case Kind.FEATURE:
            return (nodes.label[i] or "").strip() or feature_name(
                int(nodes.layer[i]), int(nodes.index[i]), nodes.component(i)
            )
        case Kind.ERROR:
            what = "attention error" if nodes.component(i) is Component.ATTENTION else "error"
            where = "" if nodes.position[i] == NO_VALUE else f" on {visible(_token_at(tokens, int(nodes.position[i])))}"
            return f"{what} {nodes.layer[i]}{where}"
        case Kind.TOKEN:
            return visible(nodes.token[i]) or f"token {nodes.index[i]}"
        case Kind.LOGIT:
            return visible(nodes.token[i]) or (nodes.label[i] or "").strip() or f"logit {nodes.index[i]}"
        case _:
            return (nodes.label[i] or "").strip() or f"{nodes.feature_type[i] or 'node'} {nodes.source_id[i]}"


def visible(token: str | None) -> str:
    """A token as a person reads it: without blanks around it; a token of blanks alone in quotes."""
    if not token:
        return ""
    return token.strip() or repr(token)


def _token_at(tokens: list[str], position: int) -> str:
    return tokens[position] if 0 <= position < len(tokens) else f"position {position}"
