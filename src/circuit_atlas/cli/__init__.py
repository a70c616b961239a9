"""The command line: a thin skin over the Python API. Data goes to stdout, everything else to stderr.

Exit codes: 0 done; 1 a wrong argument or file; 2 a wrong command line; 3 the database or the machine is not ready;
129 the terminal was closed, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import codecs
import gc
import json
import logging
import os
import signal
import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from io import StringIO, TextIOWrapper
from pkgutil import iter_modules
from types import FrameType, ModuleType
from typing import Any, NoReturn

import click

from circuit_atlas.cli.options import CommandGroup
from circuit_atlas.errors import AtlasError
from circuit_atlas.printable import printable

_GC_THRESHOLDS = (100_000, 50, 100)  # Python's own: 700, 10, 10
GROUPS = (
    "Graphs and files",
    "Questions about a graph",
    "Questions across prompts",
    "Explanations",
    "Pictures and pages",
    "Cypher and the server",
)
# Modules of this package that are not commands.
_SHARED = ("agents", "options", "output", "pages", "path_options", "questions")


def grouped_commands() -> dict[str, list[str]]:
    """The names of the commands in each group of `--help`. Each module says in `GROUP` to which one it belongs."""
    groups: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name in _command_names():
        groups[_module(name).GROUP].append(name)
    return groups


@cache
def _command_names() -> tuple[str, ...]:
    modules = (module.name for module in iter_modules(__path__) if module.name not in _SHARED)
    return tuple(sorted(name.replace("_", "-") for name in modules))


def _module(name: str) -> ModuleType:
    """The module of a command: `score_circuit` for `score-circuit`."""
    return import_module(f"circuit_atlas.cli.{name.replace('-', '_')}")


class _NobodyReadsError(Exception):
    """The program that reads our output, such as `head`, has closed the pipe."""


class _TerminatedError(KeyboardInterrupt):
    """The program has got SIGTERM, or its terminal was closed. It ends as with Ctrl-C, so that it removes its temporary
    files and starts the server again that it had stopped.

    Args:
        number: the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class _LazyGroup(CommandGroup):
    """Finds the command NAME in the module `cli/NAME.py`, `-` written `_`, and loads only that module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_command_names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _command_names():
            return None
        command: click.Command = getattr(_module(cmd_name), f"{cmd_name.replace('-', '_')}_command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # click would end the program with exit code 1
            raise _NobodyReadsError from error

    def sections(self, ctx: click.Context) -> dict[str, list[str]]:
        return grouped_commands()


class _RetryNotice(logging.Handler):
    """Says once that the driver retries because the server does not answer, instead of the driver's own long lines.

    It does not say that a transaction was undone because it and another one waited for each other: that takes a moment.
    """

    shown = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "will be retried" in text and "DeadlockDetected" not in text and not self.shown:
            self.shown = True
            click.echo("The server does not answer; trying again for up to a minute ...", err=True)


class _Formatter(logging.Formatter):
    """Names of graphs and texts of errors are in the log, too."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=(
        "NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE name the database; without NEO4J_URI, it is a "
        "local Neo4j, which starts when it is needed. Exit codes: 0 done, 1 a wrong argument or file, 2 a wrong "
        "command line, 3 the database or the machine is not ready, 129 the terminal was closed, 130 "
        "interrupted, 143 terminated."
    ),
)
@click.version_option(package_name="circuit-atlas", prog_name="circuit-atlas")
@click.option("-v", "--verbose", count=True, help="Log progress to stderr: -v steps and retries, -vv statements.")
def cli(verbose: int) -> None:
    """Store attribution graphs of language models in Neo4j and query them.

    \b
    Examples:
      circuit-atlas demo
      circuit-atlas ingest dallas.json --name dallas
      circuit-atlas paths dallas --from Dallas --to Austin
    """
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(_Formatter("%(levelname).1s %(name)s: %(message)s"))
        logger = logging.getLogger("circuit_atlas")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)


def main() -> None:
    """Entry point of `circuit-atlas`."""
    # By default, Python looks for cycles in all objects again and again while an answer of many objects is made.
    gc.set_threshold(*_GC_THRESHOLDS)
    logging.getLogger("neo4j").addHandler(_RetryNotice())
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for plugins reads every package's metadata
    if isinstance(sys.stdout, TextIOWrapper) and codecs.lookup(sys.stdout.encoding).name != "utf-8":
        codecs.register_error("json", _as_json_escapes)
        sys.stdout.reconfigure(errors="json")  # arrows and tokens that the terminal or file cannot have
    for number in _signals():
        if signal.getsignal(number) is signal.SIG_DFL:  # else `nohup`, for instance, ignores it
            signal.signal(number, _terminate)
    sys.exit(_run())


def _signals() -> list[int]:
    """The signals that end the program. Windows has no SIGHUP."""
    return [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    # A closed terminal may send its signal twice: the second must not end what the first has begun. It is not ignored,
    # as a server that is started now would inherit that.
    for one in _signals():
        if signal.getsignal(one) is _terminate:
            signal.signal(one, lambda *_: None)
    raise _TerminatedError(number)


def _as_json_escapes(error: UnicodeError) -> tuple[str, int]:
    r"""The characters that an encoding lacks, as JSON and Cypher write them: `\u2192`."""
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _write_no_more() -> None:
    """Let the rest of the output, which Python writes when it ends, go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:  # click raises the first while it handles the second
        by_signal = [one for one in (error, error.__context__) if isinstance(one, _TerminatedError)]
        with suppress(OSError):  # where a closed terminal was
            click.echo("Terminated." if by_signal else "Interrupted.", err=True)
        return by_signal[0].exit_code if by_signal else 130
    except click.ClickException as error:
        message = StringIO()
        error.show(message)
        click.echo(printable(message.getvalue()), err=True, nl=False)  # it may quote an argument
        return error.exit_code
    except AtlasError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except _NobodyReadsError:
        _write_no_more()
        return 0
    except OSError as error:
        if error.filename is not None:  # standard output has no name
            raise
        click.echo(f"Error: the output cannot be written: {error.strerror or error}", err=True)
        _write_no_more()
        return 3
    return code if isinstance(code, int) else 0
