"""How commands print."""

from __future__ import annotations

import csv
import io
import json
import sys
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import click

from circuit_atlas.printable import printable, printable_json

if TYPE_CHECKING:
    from circuit_atlas.results.answer import Result


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text, with control characters escaped. Commands print by nothing else."""
    with suppress(BrokenPipeError) if err else nullcontext():  # a closed standard error must not end the work
        click.echo(printable(text), err=err, nl=nl)


def check_rows(output_format: str | None, rows: str | None) -> None:
    """Refuse --rows without --csv."""
    if rows is not None and output_format != "csv":
        raise click.UsageError("--rows needs --csv.")


def print_result(result: Result, output_format: str | None, rows: str | None = None) -> None:
    """Print a result to stdout: in the format given, else as a table on a terminal and as JSON elsewhere. Its notes go
    to stderr. A result that reports failures ends the program with its exit code."""
    output_format = output_format or ("table" if sys.stdout.isatty() else "json")
    if output_format == "json":
        echo(result.to_json(indent=2))
    elif output_format == "csv":
        columns, found = result.data(rows)
        cells = ([_cell(row[column]) for column in columns] for row in found)
        buffer = io.StringIO()
        csv.writer(buffer).writerows([map(printable, columns), *cells])
        click.echo(buffer.getvalue(), nl=False)  # lines of CSV end in a carriage return, which must stay
    else:
        echo(str(result.model_copy(update={"notes": []})))
    for note in result.notes:
        echo(f"Note: {note}", err=True)
    if result.exit_code:
        raise click.exceptions.Exit(result.exit_code)


def _cell(value: Any) -> Any:
    """A value as CSV has it: numbers in full, lists and mappings as JSON."""
    from circuit_atlas.queries.row_results import plain

    value = plain(value)
    if isinstance(value, list | dict):
        return printable_json(json.dumps(value, ensure_ascii=False))
    return printable(value) if isinstance(value, str) else value
