"""The tests of `make test-fast` start no Java and import no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.examples import ROOT

COLLECT = """
import sys
import pytest
code = pytest.main(["--collect-only", "-q", "-m", "not server and not torch and not slow"])
sys.exit("torch is imported" if "torch" in sys.modules else code)
"""
WITHOUT_FIXTURES = """
import pytest
from pathlib import Path
from circuit_atlas.errors import LocalServerError
from circuit_atlas.server import LocalServer

def test_of_java(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match="a test without the fixture `java`"):
        LocalServer(tmp_path / "store").start(quiet=True)

def test_of_torch() -> None:
    import torch
"""


@pytest.mark.slow
def test_tests_are_collected_without_torch() -> None:
    done = subprocess.run([sys.executable, "-c", COLLECT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_layout.py" in done.stdout
    assert "test_marks.py" not in done.stdout  # this test is slow
    assert "test_first_steps.py" not in done.stdout  # which starts servers


@pytest.mark.slow
def test_a_test_without_the_fixtures_gets_neither_java_nor_torch(tmp_path: Path) -> None:
    """It may not: with the marks that follow from the fixtures it would be left out."""
    (tmp_path / "torch.py").touch()
    (tmp_path / "test_unmarked.py").write_text(WITHOUT_FIXTURES)
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-c", "pyproject.toml"]
    done = subprocess.run(
        [*command, str(tmp_path / "test_unmarked.py")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}tests"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed, 1 error" in done.stdout, done.stdout
    assert "ERROR" in done.stdout
    assert "::test_of_torch" in done.stdout.partition("short test summary")[2]
