"""The walk in docs/architecture.md names files and functions that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STEPS = re.findall(
    r"^\| `([^`]+\.py)` \| `([^`]+)` \|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE
)


def definitions(file: Path) -> set[str]:
    """Functions, and methods as Holder.member."""
    tree = ast.parse(file.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name for node in tree.body if isinstance(node, functions)}
    for holder in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found |= {f"{holder.name}.{node.name}" for node in holder.body if isinstance(node, functions)}
    return found


def test_the_walk_is_long_enough_to_be_one() -> None:
    assert len(STEPS) > 30


@pytest.mark.parametrize(("file", "function"), STEPS)
def test_each_step_is_in_the_code(file: str, function: str) -> None:
    assert function in definitions(ROOT / file)
