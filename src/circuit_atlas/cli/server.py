"""`server`: the local Neo4j."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from circuit_atlas.cli.options import CommandGroup, store_option
from circuit_atlas.cli.output import echo
from circuit_atlas.printable import printable, printable_json

if TYPE_CHECKING:
    from circuit_atlas.server import LocalServer

GROUP = "Cypher and the server"


def _server(store: str | None) -> LocalServer:
    from circuit_atlas.config import store_path
    from circuit_atlas.server import LocalServer

    return LocalServer(store_path(store))


@click.group("server", cls=CommandGroup)
def server_command() -> None:
    """Run the local Neo4j: no Docker, no root, loopback only."""


@server_command.command("start")
@click.option("--bolt-port", type=click.IntRange(1, 65535), help="Port for Bolt.  [default: 7687, or a free one]")
@click.option(
    "--http-port",
    type=click.IntRange(1, 65535),
    help="Port for Neo4j Browser.  [default: 7474, or a free one]",
)
@click.option("--heap", metavar="SIZE", help="Java heap, such as 2g.  [env: CIRCUIT_ATLAS_HEAP]")
@click.option("--page-cache", metavar="SIZE", help="Page cache, such as 4g.  [env: CIRCUIT_ATLAS_PAGE_CACHE]")
@click.option("--java", metavar="PATH", help="A Java 21 or newer, also for later starts.  [env: CIRCUIT_ATLAS_JAVA]")
@store_option
def start(
    store: str | None,
    bolt_port: int | None,
    http_port: int | None,
    heap: str | None,
    page_cache: str | None,
    java: str | None,
) -> None:
    """Start the server if it is not running. The first time, Neo4j is downloaded (185 MB).

    Before the command ends, the server plans the statements of the most common questions, which takes some seconds, so
    that your first question need not wait for it.

    \b
    Examples:
      circuit-atlas server start
    """
    from circuit_atlas.store.rehearsal import rehearse

    server = _server(store)
    was_running = server.connection() is not None
    connection = server.start(bolt_port=bolt_port, http_port=http_port, heap=heap, page_cache=page_cache, java=java)
    if not was_running:
        rehearse(connection)
    _print_status(server)


@server_command.command("stop")
@store_option
def stop(store: str | None) -> None:
    """Stop the server. Its data is kept.

    \b
    Examples:
      circuit-atlas server stop
    """
    server = _server(store)
    was_running = server.stop(quiet=False)
    server.check_store()
    echo("Stopped." if was_running else "The server was not running.", err=True)


@server_command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
def status(store: str | None, as_json: bool) -> None:
    """Show whether the server is running, and where.

    \b
    Examples:
      circuit-atlas server status
    """
    server = _server(store)
    if as_json:
        echo(printable_json(server.status().model_dump_json(indent=2)))
    else:
        _print_status(server)


@server_command.command("logs")
@click.option("--lines", type=click.IntRange(1), default=50, show_default=True, help="How many lines.")
@store_option
def logs(store: str | None, lines: int) -> None:
    """Show the end of the server's log.

    \b
    Examples:
      circuit-atlas server logs --lines 20
    """
    echo(_server(store).logs(lines))


@server_command.command("reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
@store_option
def reset(store: str | None, yes: bool) -> None:
    """Stop the server and delete all graphs of its store.

    \b
    Examples:
      circuit-atlas server reset --yes
    """
    server = _server(store)
    if not yes and server.store.exists:
        click.confirm(printable(f"Delete everything in {server.store.path}?"), abort=True, err=True)
    server.reset()
    echo("Deleted.", err=True)


def _print_status(server: LocalServer) -> None:
    found = server.status()
    state = "running" if found.running else "stopped" if found.exists else "none: there is no store here"
    echo(f"store     {found.store}\nserver    {state}")
    if found.running and found.uri:
        echo(f"bolt      {found.uri}\nbrowser   {found.browser}")
        echo(f"username  {found.username}\npassword  in {found.password_file}")
