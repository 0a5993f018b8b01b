"""Every kind of problem that the APIs' documents name is explained in docs/api/problems.md."""

import json
import re
from pathlib import Path

import pytest

from tests.contract.documents import documents

PAGE = Path(__file__).parents[2] / "docs/api/problems.md"


@pytest.mark.parametrize(
    ("service", "one_of_them"),
    [
        ("integration", "waiting-for-other-side"),
        ("order-router", "wrong-stage"),
        ("webhook-dispatcher", "dead-letter-cut"),
    ],
)
def test_every_problem_in_the_openapi_document_is_explained(service: str, one_of_them: str) -> None:
    paths = json.loads(documents()[f"{service}.openapi.json"])["paths"]
    said = [
        answer["description"]
        for path in paths.values()
        for operation in path.values()
        for answer in operation["responses"].values()
    ]
    named = {name for text in said if text.startswith("Problem") for name in re.findall(r"`([a-z-]+)`", text)}
    explained = set(re.findall(r"^\| `([a-z-]+)` \| \d", PAGE.read_text(), re.MULTILINE))
    assert one_of_them in named
    assert named <= explained
