"""A small model and its attribution graph, made once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("circuit_tracer", reason="needs the extra `attribution`")

import small_model
from circuit_tracer import Graph


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return small_model.build_model(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def attributed(model: Any) -> Graph:
    """circuit-tracer's graph of the Dallas prompt by the small model."""
    return small_model.attribute_prompt(model)


@pytest.fixture
def saved(attributed: Graph, tmp_path: Path) -> Path:
    attributed.to_pt(str(tmp_path / "small.pt"))
    return tmp_path / "small.pt"
