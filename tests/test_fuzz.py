"""The fuzzers, for a short time; `make fuzz` runs them for longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 15


@pytest.mark.parametrize("form", ["json", "pt"])
def test_no_input_does_harm(form: str, tmp_path: Path) -> None:
    """No crash, no hang, no code run, no more memory than a little: see `fuzz/guard.py`."""
    pytest.importorskip("atheris")
    program = Path(__file__).parent / "fuzz" / f"fuzz_{form}.py"
    done = subprocess.run(
        [sys.executable, program, f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr
