"""Ids of other systems: JSON numbers or strings, kept as strings with every digit."""

from typing import Annotated, Any

from pydantic import BeforeValidator


def _written(value: Any) -> Any:
    """Ids go beyond 2^53: read as integers or strings, never as floats."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, BeforeValidator(_written)]
