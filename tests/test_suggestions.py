"""What is suggested for a name that is not known."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from circuit_atlas.cli import cli
from circuit_atlas.suggestions import did_you_mean, known_names

GRAPHS = ["dallas", "dallas-llama", "night", "capital_oakland-2025"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("dalas", "Did you mean 'dallas'?"),
        ("NIGHT", "Did you mean 'night'?"),
        ("oakland", "Did you mean 'capital_oakland-2025'?"),
        ("capital_oak", "Did you mean 'capital_oakland-2025'?"),
        ("oaklnd", "Did you mean 'capital_oakland-2025'?"),
        ("llama", "Did you mean 'dallas-llama'?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_names_that_are_alike_are_suggested(name: str, suggestion: str) -> None:
    assert did_you_mean(name, GRAPHS) == suggestion


def test_a_long_list_is_not_shown_in_part() -> None:
    names = [f"prompt-{i}" for i in range(59)]
    assert known_names("zebra", names, command="graphs") == "`circuit-atlas graphs` lists all 59."
    assert known_names("zebra", GRAPHS, command="graphs") == f"There are: {', '.join(GRAPHS)}."
    assert known_names("zebra", [], command="graphs") == ""


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["pathes"], "paths"), (["features", "comon"], "common"), (["server", "strt"], "start")],
)
def test_a_command_that_does_not_exist_names_the_one_that_is_meant(words: list[str], meant: str) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert f"No such command {words[-1]!r}. Did you mean {meant!r}" in done.output


IGNORED = {
    f"explain --from {__file__} --limit 3 --rate 25000": "--limit, --rate cannot be combined with --from FILE",
    "explain dallas --model m --all-features": "--model, --all-features cannot be used without --from FILE",
    "circuit dallas --replace": "--replace needs --name",
    "score-circuit dallas Austin --replace": "--replace needs --name",
    "export --import-files new dallas --overwrite": "--circuit and --overwrite cannot be combined with --import-files",
}


@pytest.mark.parametrize("command", IGNORED)
def test_options_that_would_be_ignored_are_refused(command: str) -> None:
    done = CliRunner().invoke(cli, command.split(" "))
    assert (done.exit_code, IGNORED[command] in done.output) == (2, True), done.output
