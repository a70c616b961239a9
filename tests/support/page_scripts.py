"""The libraries that circuit-tracer's page loads from the internet, from npm; fetched once and kept in a cache."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import platformdirs
import pytest

PACKAGES = {
    "d3": ("7.9.0", "dist/d3.min.js"),
    "d3-collection": ("1.0.7", "dist/d3-collection.js"),
    "d3-jetpack": ("2.2.1", "build/d3-jetpack.cjs"),
    "dagre": ("0.8.5", "dist/dagre.min.js"),
    "pako": ("2.1.0", "dist/pako.min.js"),
}
# The page's copy of d3-jetpack is newer than the published one in one point: conventions draw axes.
DRAW_AXIS = """
const conventions = d3.conventions;
d3.conventions = (settings) => {
  const made = conventions(settings);
  made.drawAxis = (svg = made.svg) => {
    svg.append('g').attr('class', 'axis x').attr('transform', `translate(0,${made.height})`).call(made.xAxis);
    svg.append('g').attr('class', 'axis y').call(made.yAxis);
  };
  return made;
};
"""


def page_scripts() -> dict[str, str]:
    """Ends of the addresses that the page loads, and what stands in for their content; skips where npm cannot fetch."""
    text = {name: _script(name, *package) for name, package in PACKAGES.items()}
    jetpack = f"(() => {{ const exports = d3, module = {{exports: d3}}, require = () => d3; {text['d3-jetpack']} }})();"
    return {
        "/d3.js": text["d3"],
        "/jetpack_2024-07-20.js": text["d3-collection"] + jetpack + DRAW_AXIS,
        "/dagre.min.js": text["dagre"],
        "/pako.min.js": text["pako"],
        "/hotserver-client-ws.js": "",
        "/npy_v0.js": "",
    }


def _script(name: str, version: str, path: str) -> str:
    folder = Path(platformdirs.user_cache_path("circuit-atlas")) / "page-scripts"
    archive = folder / f"{name}-{version}.tgz"
    if not archive.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("needs npm, to fetch the libraries that circuit-tracer's page loads from the internet")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", "--silent", f"{name}@{version}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot fetch {name}, which circuit-tracer's page loads from the internet")
    with tarfile.open(archive) as opened:
        file = opened.extractfile(f"package/{path}")
        assert file is not None
        return file.read().decode()
