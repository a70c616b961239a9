"""What a graph's handle offers about supernodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self

from circuit_atlas.queries import supernodes as supernode_questions
from circuit_atlas.queries.runner import QueryRunner
from circuit_atlas.queries.supernode_results import SupernodeLinks, Supernodes
from circuit_atlas.schema.keys import collapsed_name

if TYPE_CHECKING:
    from circuit_atlas.answers import IngestResult


class Groupable:
    """One graph of the database, by name; see `GraphHandle`."""

    def __init__(self, runner: QueryRunner, name: str, *, ingested: IngestResult | None = None) -> None:
        self._runner = runner
        self.name = name
        self.ingested = ingested

    def supernodes(self) -> Supernodes:
        """The supernodes of the graph, from its file's `qParams` and made since."""
        return supernode_questions.list_supernodes(self._runner, self.name)

    def supernode_links(self, *, k: int = 1000) -> SupernodeLinks:
        """How supernodes act on each other, as circuit-tracer's frontend draws it; see `queries.supernode_links`."""
        return supernode_questions.supernode_links(self._runner, self.name, k=k)

    def create_supernode(
        self,
        name: str,
        nodes: Sequence[str] = (),
        *,
        matching: str | None = None,
        kinds: Iterable[str] = (),
        layers: Iterable[int] = (),
        positions: Iterable[int] = (),
        replace: bool = False,
    ) -> Supernodes:
        """Make a supernode of nodes given by addresses, or of all whose name or explanation contains a text.

        Args:
            name: its name, 1 to 200 characters.
            nodes: addresses of its nodes.
            matching: the text, in any case, instead of `nodes`.
            kinds: with `matching`, only nodes of these kinds; features when empty.
            layers: with `matching`, only nodes in these layers.
            positions: with `matching`, only nodes at these positions.
            replace: whether a supernode of that name is replaced.

        Returns:
            The supernode.

        Raises:
            InvalidArgumentError: both or neither of `nodes` and `matching`; the name exists, or no node matches.
            NodeNotFoundError, AmbiguousNodeError: see `queries.resolve`.
        """
        from circuit_atlas.supernodes import Limits, create_supernode

        limits: Limits = {"kinds": list(kinds), "layers": list(layers), "positions": list(positions)}
        return create_supernode(self._runner, self.name, name, nodes, matching, limits, replace=replace)

    def create_supernodes_of_features(
        self, *, layers: Iterable[int] = (), positions: Iterable[int] = (), replace: bool = False
    ) -> Supernodes:
        """Make a supernode of each transcoder feature that is active at several positions, of all its nodes, or those
        in these layers and at these positions, and name it as they are.

        Raises:
            InvalidArgumentError: there is no such feature, or a name is taken and `replace` is not set.
        """
        from circuit_atlas.supernodes import Limits, create_of_features

        limits: Limits = {"layers": list(layers), "positions": list(positions)}
        return create_of_features(self._runner, self.name, limits, replace=replace)

    def delete_supernode(self, *names: str) -> None:
        """Delete supernodes, all or none; their nodes stay.

        Raises:
            SupernodeNotFoundError: there is none of such a name.
        """
        from circuit_atlas.supernodes import delete_supernodes

        delete_supernodes(self._runner, self.name, names)

    def collapsed(self, weights: str | None = None) -> Self:
        """The graph collapsed by its supernodes, each of them one node: a graph of its own, `NAME:collapsed`, of which
        everything can be asked. It is stored when it is not there or out of date; `handle.ingested` then tells so.

        Args:
            weights: `shares`, as circuit-tracer's subgraph draws links, or `sums` of direct effects; see
                `circuit_atlas.graph.collapse`. By default those it has, at first `shares`.

        Raises:
            InvalidArgumentError: the graph has no supernodes, or is collapsed already.
        """
        from circuit_atlas.supernodes import store_collapsed

        stored = store_collapsed(self._runner, self.name, weights)
        return type(self)(self._runner, collapsed_name(self.name), ingested=stored)
