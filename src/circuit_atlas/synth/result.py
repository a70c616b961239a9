"""Writes a synthetic graph to a file."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from circuit_atlas.export.json_file import write_json
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.files import check_new, unknown_format
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.results.tidy import Tidy
from circuit_atlas.schema.limits import MAX_HOPS
from circuit_atlas.synth.graph import Shape, simple_path_counts, synthesize


class SynthResult(Result):
    """The result of writing a synthetic graph."""

    file: str
    nodes: int
    edges: int
    paths: dict[str, int] = Field(description="With `simple`: number of paths from tokens to the sink, by hops")

    def table(self) -> tuple[list[str], Cells]:
        """One row; if paths are counted, one row for each number of hops."""
        if self.paths:
            return ["hops", "paths"], [[int(hops), count] for hops, count in self.paths.items()]
        return ["file", "nodes", "edges"], [[self.file, self.nodes, self.edges]]

    def _tidy(self) -> dict[str, Tidy]:
        file = {"file": self.file, "nodes": self.nodes, "edges": self.edges}
        counts = ({"hops": int(hops), "paths": count} for hops, count in self.paths.items())
        return {
            "files": Tidy({"file": str, "nodes": int, "edges": int}, [file]),
            "counts": Tidy({"hops": int, "paths": int}, counts),
        }


def write_synthetic(file: str | os.PathLike[str], shape: Shape, *, overwrite: bool = False) -> SynthResult:
    """Write the graph of a shape as `.pt` or `.json`, by the file's suffix.

    A `.pt` needs memory for its matrix, 4 bytes for each pair of nodes; a `.json` needs little.

    Args:
        file: the file to write.
        shape: what the graph looks like.
        overwrite: whether a file may be overwritten.

    Raises:
        InvalidArgumentError: the shape is impossible, or the file has another suffix.
        MissingExtraError: the file is a `.pt`, and the extra `attribution` is not installed.
        InputError: the file already exists, or cannot be written.
    """
    path = Path(file)
    writers = {".pt": write_pt, ".json": write_json}
    if path.suffix not in writers:
        raise unknown_format(path, "A graph", tuple(writers))
    data = synthesize(shape, slug=path.stem)
    check_new(path, overwrite=overwrite)
    writers[path.suffix](data, path)
    paths = simple_path_counts(shape.layers + 1, shape.positions, min(shape.layers, MAX_HOPS)) if shape.simple else {}
    return SynthResult(file=str(path), nodes=len(data.nodes), edges=len(data.edges), paths=paths)
