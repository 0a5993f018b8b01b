"""Orderdock's own order document: already in the words of DESIGN 6."""

from typing import Any


def translate(document: dict[str, Any]) -> dict[str, Any]:
    """The document as it is."""
    return document
