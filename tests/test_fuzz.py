"""The fuzzers, for a few thousand inputs; `make fuzz` runs them for longer."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

SEEDS = 40
KEPT = Path(__file__).parent / "fuzz" / "corpus"  # inputs that reached something new in 100,000 runs


@pytest.mark.slow
@pytest.mark.parametrize(("form", "runs"), [("json", 5000), ("pt", 3000)])
def test_no_input_does_harm(form: str, runs: int, tmp_path: Path) -> None:
    """No crash, no hang, no code run, no more memory than a little: see `fuzz/guard.py`.

    The first inputs are long enough for whole graphs to be made of them, which libFuzzer would come to much later.
    """
    pytest.importorskip("atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(SEEDS):
        (corpus / f"{number}").write_bytes(random.randbytes(random.randrange(20, 1500)))
    program = Path(__file__).parent / "fuzz" / f"fuzz_{form}.py"
    done = subprocess.run(
        [sys.executable, program, f"-runs={runs}", f"-artifact_prefix={tmp_path}/", corpus, KEPT / form],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {runs} runs" in done.stderr
