"""Writes edges in batches, several at a time. Each batch has whole targets, so writers never wait for each other's
locks.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from tqdm import tqdm

from circuit_atlas.database import Database
from circuit_atlas.graph.data import EdgeBlock, Edges
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.names import shown_name

EDGES_PER_BATCH = 25_000
WRITERS = 3


def write_edges(database: Database, graph: str, edges: Edges) -> None:
    """Write all edges of a graph.

    At most `WRITERS` batches are being written and as many wait, so memory does not grow with the graph. An interrupt
    waits until the batches that are being written are done.

    Args:
        database: the database.
        graph: the name under which the graph is written; its nodes must be stored.
        edges: the edges.
    """
    with (
        tqdm(
            total=len(edges),
            desc=shown_name(graph),
            unit=" edges",
            unit_scale=True,
            disable=None if database.progress else True,
        ) as bar,
        ThreadPoolExecutor(WRITERS) as pool,
    ):
        pending: set[Future[int]] = set()
        try:
            for number, block in enumerate(edges.blocks(EDGES_PER_BATCH)):
                pending.add(pool.submit(_write, database, graph, number, block))
                if len(pending) >= 2 * WRITERS:
                    pending = _finish(pending, bar)
            while pending:
                pending = _finish(pending, bar)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _finish(pending: set[Future[int]], bar: tqdm[Any]) -> set[Future[int]]:
    done, rest = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        bar.update(future.result())
    return rest


def _write(database: Database, graph: str, number: int, block: EdgeBlock) -> int:
    database.write(statements.EDGE_BATCH, graph=graph, batch=number, **by_target(block))
    return block.size


def by_target(block: EdgeBlock) -> dict[str, list[Any]]:
    """Parameters of the statements that write edges: one list of sources and weights for each target.

    Twice as fast as a map for each edge.
    """
    targets = block.target.tolist()
    starts = [i for i, target in enumerate(targets) if i == 0 or targets[i - 1] != target]
    spans = list(zip(starts, [*starts[1:], len(targets)], strict=True))
    sources, weights = block.source.tolist(), block.weight.tolist()
    return {
        "targets": [targets[start] for start in starts],
        "sources": [sources[start:stop] for start, stop in spans],
        "weights": [weights[start:stop] for start, stop in spans],
    }
