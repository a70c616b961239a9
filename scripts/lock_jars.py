"""Write the lock file of the local server's jars: python scripts/lock_jars.py OUTPUT GROUP:ARTIFACT:VERSION...

The script resolves the coordinates and all that they depend on with jgo, downloads each jar, checks it against the
SHA-1 that the repository publishes, and writes its coordinates, SHA-256 and size. The lock file contains no addresses,
so it works with every mirror. The second line of `src/circuit_atlas/server/jars.lock` shows its coordinates.
"""

from __future__ import annotations

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import jgo

from circuit_atlas.server.jars import Jar, repository_url

HEADER = """\
# The jars of a local Neo4j server: group:artifact[:classifier]:version, SHA-256, size in bytes.
# Made by scripts/lock_jars.py from {roots}.
"""


def main() -> None:
    """Resolve, download and write."""
    output, *roots = sys.argv[1:]
    artifacts = jgo.resolve("+".join(roots))
    jars = {(a.groupId, a.artifactId, a.classifier or "", a.version) for a in artifacts if a.packaging == "jar"}
    # The dependencies need not include the coordinates themselves.
    jars |= {(group, artifact, "", version) for group, artifact, version in (root.split(":") for root in roots)}
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(8) as pool:
        locked = list(pool.map(lambda jar: lock(client, *jar), sorted(jars)))
    lines = [f"{jar.coordinates} {jar.sha256} {jar.size}\n" for jar in locked]
    Path(output).write_text(HEADER.format(roots=", ".join(roots)) + "".join(lines), encoding="utf-8")


def lock(client: httpx.Client, group: str, artifact: str, classifier: str, version: str) -> Jar:
    """Download a jar, check it, and compute its SHA-256 and size."""
    unknown = Jar(group, artifact, classifier, version, sha256="", size=0)
    address = f"{repository_url()}/{unknown.repository_path}"
    content = client.get(address).raise_for_status().content
    published = client.get(address + ".sha1").raise_for_status().text.split()[0]
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != published:
        raise SystemExit(f"{unknown.coordinates}: does not match its SHA-1")
    return unknown._replace(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


if __name__ == "__main__":
    main()
