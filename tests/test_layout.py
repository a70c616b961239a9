"""The repository's shape: what is installed, under which names, and which way imports go."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import circuit_atlas

ROOT = Path(__file__).parent.parent
# The floors of the house, from the ground up: a module imports only from floors below it and from its own package.
FLOORS = (
    {"printable"},
    {"errors"},
    {"arguments", "config", "processes", "files", "http_client", "threads", "cypher_text", "schema", "suggestions"},
    {"graph", "database", "results"},
    {"ingest", "queries", "export", "server", "examples"},
    {"aggregates", "remote", "supernodes", "circuits", "tags", "views", "synth"},
    {"handle"},
    {"attribution", "each", "explain", "store"},
    {"client"},
    {"cli", "__init__"},
)
FLOOR = {package: number for number, floor in enumerate(FLOORS) for package in floor}
FOLDERS = ("src/circuit_atlas", "ingest", "queries", "schema")


def imported(path: Path) -> set[str]:
    """Names of the top-level packages and modules of circuit_atlas that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("circuit_atlas.")}


def home(path: Path) -> str:
    """The top-level package or module of circuit_atlas that a file belongs to."""
    parts = path.relative_to(ROOT).parts
    return (parts[2] if parts[0] == "src" else parts[0]).removesuffix(".py")


def test_imports_go_down() -> None:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            package = home(path)
            for name in imported(path) - {package}:
                assert FLOOR[name] < FLOOR[package], f"{path} imports {name}"


def test_the_public_names() -> None:
    assert circuit_atlas.__all__ == ["Atlas", "AtlasError", "Connection", "GraphHandle", "__version__"]
    assert dir(circuit_atlas) == circuit_atlas.__all__
    for name in circuit_atlas.__all__:
        assert getattr(circuit_atlas, name)
    with pytest.raises(AttributeError):
        print(circuit_atlas.nothing)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist, built from the tracked files alone."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    files = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split("\n")
    for name in filter(None, files):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return out


@pytest.mark.slow
def test_wheel_and_sdist_contain_the_package(archives: Path) -> None:
    [wheel], [sdist] = archives.glob("*.whl"), archives.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "circuit_atlas",
        wheel.name.rsplit("-", 3)[0] + ".dist-info",
    }
    for wanted in (
        "queries/cypher/paths/top_k.cypher",
        "schema/constraints.cypher",
        "server/jars.lock",
        "py.typed",
        "examples/dallas.json.gz",
        "examples/night.json.gz",
        "schema/scans.toml",
        "cli/__init__.py",
    ):
        assert f"circuit_atlas/{wanted}" in names
    assert any(name.endswith(".dist-info/licenses/examples/LICENSE.txt") for name in names)
    packed = {name.partition("/")[2] for name in tarfile.open(sdist).getnames()}
    assert {
        "queries/cypher/paths/top_k.cypher",
        "src/circuit_atlas/server/jars.lock",
        "src/circuit_atlas/client.py",
        "LICENSE",
    } <= packed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_an_installed_package_has_only_its_own_name(kind: str, archives: Path, tmp_path: Path) -> None:
    [archive] = archives.glob(kind)
    install = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--no-deps"]
    command = [*install, "--python", sys.executable, "--target", str(tmp_path), str(archive)]
    subprocess.run(command, check=True, env={**os.environ, "UV_NO_BUILD_ISOLATION": "1"})
    for module, works in (
        ("circuit_atlas.queries", True),
        ("circuit_atlas", True),
        ("queries", False),
        ("schema", False),
        ("ingest", False),
        ("server", False),
    ):
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module} as m; print(m.__file__)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path.parent, capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) is works, done.stderr
        assert not works or str(tmp_path) in done.stdout


def test_the_editable_install_has_only_its_own_name(tmp_path: Path) -> None:
    for module in ("queries", "schema", "ingest"):
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"], cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode != 0
