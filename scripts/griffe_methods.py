"""For the API reference: methods that a class takes over from functions, as in `paths = search_paths`.

griffe, which reads the source for mkdocstrings, takes such a name for an attribute. This extension shows the function
instead: its signature without the first argument, and its docstring.
"""

from __future__ import annotations

import re
from typing import Any

import griffe


class MethodsByAssignment(griffe.Extension):
    """Replaces attributes whose value is a function of the package with that function."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Look through the classes of a package that was just loaded."""
        for module in _modules(pkg):
            for cls in module.classes.values():
                if not cls.is_alias:
                    _take_over(cls, module, pkg)


def _modules(module: griffe.Module) -> list[griffe.Module]:
    below = [found for found in module.modules.values() if not found.is_alias]
    return [module, *(deeper for found in below for deeper in _modules(found))]


def _take_over(cls: griffe.Class, module: griffe.Module, pkg: griffe.Module) -> None:
    for name, attribute in list(cls.members.items()):
        value = attribute.value if isinstance(attribute, griffe.Attribute) else None
        if (
            isinstance(value, griffe.ExprCall) and value.arguments
        ):  # the function is decorated: `compare = of_fresh_graphs(compare)`
            value = value.arguments[0]
        if not isinstance(value, griffe.ExprName):
            continue
        # Looked up in the module: in the class, `neighbors = neighbors` would mean itself.
        path = module.imports.get(value.name, "").removeprefix(f"{pkg.name}.")
        try:
            function = pkg[path]
        except (KeyError, ValueError):
            continue
        if function.is_function:
            cls.set_member(name, _method(name, function, (attribute.lineno, attribute.endlineno)))


def _method(name: str, function: griffe.Function, lines: tuple[int | None, int | None]) -> griffe.Function:
    first, *others = function.parameters
    own = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
    method = griffe.Function(
        name,
        lineno=lines[0],  # of the assignment, so that methods come in the order of the class
        endlineno=lines[1],
        parameters=griffe.Parameters(own, *others),
        returns=function.returns,
    )
    if function.docstring:
        method.docstring = griffe.Docstring(
            _without_argument(function.docstring.value, first.name),
            parser=function.docstring.parser,
            parser_options=function.docstring.parser_options,
            parent=method,
        )
    return method


def _without_argument(docstring: str, name: str) -> str:
    """A docstring without the description of one argument."""
    text = re.sub(rf"^    {name}: .*\n?(?:        .*\n?)*", "", docstring, flags=re.MULTILINE)
    return re.sub(r"^Args:\n(?!    )", "", text, flags=re.MULTILINE)
