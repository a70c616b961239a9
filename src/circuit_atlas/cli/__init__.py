"""The command line: a thin skin over the Python API. Data goes to stdout, everything else to stderr.

Exit codes: 0 done; 1 the question or the file is wrong; 2 the command line is wrong; 3 the database or the
machine is not ready; 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module

import click

from circuit_atlas.errors import AtlasError

_COMMANDS = {
    "attribute": "attribute",
    "ingest": "graphs",
    "graphs": "graphs",
    "delete": "graphs",
    "tag": "across",
    "tags": "across",
    "export": "files",
    "verify": "files",
    "backup": "files",
    "restore": "files",
    "stats": "questions",
    "node": "questions",
    "neighbors": "questions",
    "paths": "path_commands",
    "score": "path_commands",
    "count": "path_commands",
    "distribution": "path_commands",
    "influence": "path_commands",
    "view": "views",
    "report": "views",
    "features": "across",
    "compare": "across",
    "explain": "explain",
    "label": "explain",
    "search": "explain",
    "supernodes": "supernodes",
    "collapse": "supernodes",
    "recurring": "across",
    "query": "query",
    "browse": "browse",
    "serve": "serve",
    "server": "server",
    "doctor": "doctor",
    "synth": "synth",
    "demo": "demo",
}


class _LazyGroup(click.Group):
    """Loads a command when it is called for; its modules load nothing heavy before they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"circuit_atlas.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


class _Waiting(logging.Handler):
    """Says once that the driver repeats what a server did not answer, instead of the driver's own long lines."""

    said = False

    def emit(self, record: logging.LogRecord) -> None:
        if "will be retried" in record.msg and not self.said:
            self.said = True
            click.echo("The server does not answer; trying again for up to a minute ...", err=True)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=(
        "The database is the one that NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE name; without "
        "NEO4J_URI, a local Neo4j that is started when it is needed. Exit codes: 0 done, 1 the question or file is "
        "wrong, 2 the command line is wrong, 3 the database or machine is not ready, 130 interrupted."
    ),
)
@click.version_option(package_name="circuit-atlas", prog_name="circuit-atlas")
def cli() -> None:
    """Store attribution graphs of language models in Neo4j, and question them.

    \b
    Examples:
      circuit-atlas demo
      circuit-atlas ingest dallas.json --name dallas
      circuit-atlas paths dallas --from Dallas --to Austin
    """


def main() -> None:
    """Entry point of `circuit-atlas`."""
    logging.getLogger("neo4j").addHandler(_Waiting())
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for plugins reads every package's metadata
    sys.exit(_run())


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except AtlasError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; Python would complain while closing stdout
        return 0
    return code if isinstance(code, int) else 0
