"""Reading of graph files in a process whose memory is bounded."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path


def read_in_process(path: Path, *, memory: int) -> subprocess.CompletedProcess[str]:
    """Read a graph file in a process of its own, which may have that many bytes of data."""
    code = "import sys; from circuit_atlas.ingest import read_graph; read_graph(sys.argv[1])"
    return subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (memory, memory)),
    )
