"""Options that go together: a command takes them as one dataclass, on the command line each stands alone."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Annotated, Any

import typer

Most = Annotated[int, typer.Option("--limit", min=1, help="How many at most, the newest first.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
AccountOption = Annotated[str, typer.Option("--account", metavar="ID", help="Whose; none: one's own.")]
LinkId = Annotated[str, typer.Argument(metavar="LINK_ID")]


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer reads it: each field of a parameter that is a dataclass is an option."""
    signature = inspect.signature(command)
    groups = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }

    @wraps(command)
    def run(**values: Any) -> None:
        made = {name: _made(group, values) for name, group in groups.items()}
        command(**values, **made)

    spread = [each for parameter in signature.parameters.values() for each in _spread(parameter)]
    vars(run)["__signature__"] = signature.replace(parameters=spread)
    return run


def _made(group: Any, values: dict[str, Any]) -> Any:
    """The group, made of its fields' values, which are taken out."""
    return group(**{each.name: values.pop(each.name) for each in fields(group)})


def _spread(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    if not is_dataclass(parameter.annotation):
        yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        return
    for each in fields(parameter.annotation):
        yield inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=each.type
        )
