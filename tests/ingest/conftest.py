"""A small model and its attribution graph, made once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from circuit_tracer import Graph


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import small_model

    return small_model.build_model(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def attributed(model: Any) -> Graph:
    """circuit-tracer's graph of the Dallas prompt by the small model."""
    import small_model

    return small_model.attribute_prompt(model)


@pytest.fixture
def saved(attributed: Graph, tmp_path: Path) -> Path:
    attributed.to_pt(str(tmp_path / "small.pt"))
    return tmp_path / "small.pt"
