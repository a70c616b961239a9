"""docker-compose.yml: valid, the same Neo4j as the local server, and in step with the names the code reads."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from circuit_atlas import config
from circuit_atlas.server import store
from circuit_atlas.server.jars import neo4j_version, read_lock

FILE = Path(__file__).parent.parent / "docker-compose.yml"


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]["neo4j"]
    return described


def test_the_file_follows_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_image_is_of_the_locked_version(service: dict[str, Any]) -> None:
    assert service["image"] == f"neo4j:{neo4j_version(read_lock())}-community"


def test_ports_are_on_loopback(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_password_has_no_default(service: dict[str, Any]) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(NEO4J_PASSWORD)([:?\-]*)", text)) == {("NEO4J_PASSWORD", ":?")}
    assert service["environment"]["NEO4J_AUTH"].startswith("neo4j/${NEO4J_PASSWORD")


def test_every_variable_is_one_that_the_code_reads(service: dict[str, Any]) -> None:
    read = inspect.getsource(config) + inspect.getsource(store)
    for name in re.findall(r"(?<!\$)\$\{(\w+)", FILE.read_text(encoding="utf-8")):
        assert f'"{name}"' in read


def test_the_settings_are_those_of_the_local_server(service: dict[str, Any]) -> None:
    """NEO4J_a_b__c stands for the setting a.b_c."""
    ours = dict(line.split("=") for line in store._SETTINGS.splitlines() if "=" in line)
    for name, value in service["environment"].items():
        if name.startswith("NEO4J_") and name != "NEO4J_AUTH" and not value.startswith("$"):
            setting = name.removeprefix("NEO4J_").replace("__", "%").replace("_", ".").replace("%", "_")
            assert ours[setting] == value


def test_the_service_has_a_health_check_and_keeps_its_data(service: dict[str, Any]) -> None:
    assert "cypher-shell" in service["healthcheck"]["test"][1]
    assert "data:/data" in service["volumes"]
