"""Adds tags to graphs and removes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from circuit_atlas.database import Database
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.names import check_tags
from circuit_atlas.queries.graph_results import Graphs
from circuit_atlas.queries.graphs import find_graph, list_graphs, list_tags
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.queries.similar_results import Clusters


@one_answer
def tag_graphs(database: Database, *graphs: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Graphs:
    """Add tags to graphs and remove tags from them; returns the graphs with their tags.

    Args:
        database: the database.
        graphs: names of graphs.
        add: tags to add.
        remove: tags to remove. A tag exists as long as a graph has it. A note names those that none of the graphs
            has.

    Raises:
        GraphNotFoundError: a graph does not exist; nothing was changed.
        InvalidArgumentError: nothing to do, a tag is both added and removed, or one is not valid: it is empty,
            longer than 200 characters, or has control characters or `~`.
    """
    added, removed = check_tags(add), check_tags(remove)
    if not graphs or not added + removed:
        raise InvalidArgumentError("nothing to do", fix="Name graphs, and tags to add or to remove.")
    if both := [tag for tag in added if tag in removed]:
        raise InvalidArgumentError(f"the tag {both[0]!r} is both added and removed", fix="Give it once.")
    stored, named = [find_graph(database, name) for name in graphs], set(graphs)
    before = {tag for summary in list_graphs(database).graphs if summary.graph in named for tag in summary.tags}
    notes = [f"No graph named here had the tag {tag!r}." for tag in removed if tag not in before]
    for graph in stored:
        graph.write(
            (statements.TAGS, {"graph": graph.name, "tags": added}),
            (statements.UNTAG, {"graph": graph.name, "tags": removed}),
        )
    return Graphs(graphs=[summary for summary in list_graphs(database).graphs if summary.graph in named], notes=notes)


def tag_groups(database: Database, found: Clusters, prefix: str) -> Graphs:
    """Write the groups of an answer of `clusters` as tags: PREFIX-1, PREFIX-2 and so on. Such tags of an earlier
    answer are taken from these graphs. Returns the graphs with their tags.

    Args:
        database: the database.
        found: the groups.
        prefix: how the tags begin.

    Raises:
        InvalidArgumentError: another graph has one of the tags, tags of this form were made otherwise, or the tags
            are not valid; nothing was changed.
        GraphNotFoundError: a graph was deleted while tags were written.
    """
    members, is_ours = set(found.graphs), re.compile(re.escape(prefix) + r"-\d+").fullmatch
    earlier = {tag.tag: tag.graphs for tag in list_tags(database).tags if is_ours(tag.tag)}
    if {_number(tag) for tag in earlier} != set(range(1, len(earlier) + 1)):
        raise InvalidArgumentError(
            f"tags such as {min(earlier)!r} already exist, but are not a full set of an earlier answer",
            fix="Give another prefix, or remove them.",
        )
    for tag, graphs in earlier.items():
        if others := [graph for graph in graphs if graph not in members]:
            raise InvalidArgumentError(
                f"{others[0]!r} has the tag {tag!r} and is in none of the groups",
                fix="Give another prefix, or remove the tag from it.",
            )
    tags = check_tags(f"{prefix}-{group.group}" for group in found.groups)  # all, before the first is written
    # Added first, and removed from the last on: wherever this is interrupted, the tags are a full set, and can be
    # written again.
    for group, tag in zip(found.groups, tags, strict=True):
        tag_graphs(database, *group.graphs, add=[tag])
    now = dict(zip(tags, (group.graphs for group in found.groups), strict=True))
    for tag in sorted(earlier, key=_number, reverse=True):
        if left := [graph for graph in earlier[tag] if graph not in now.get(tag, ())]:
            tag_graphs(database, *left, remove=[tag])
    return Graphs(graphs=[summary for summary in list_graphs(database).graphs if summary.graph in members])


def _number(tag: str) -> int:
    """The number at the end of a group's tag."""
    return int(tag.rpartition("-")[2])
