"""Every kind of problem that the API's document names is explained in docs/api/problems.md."""

import re
from pathlib import Path

from integration.app import Settings, build
from tests.contract.documents import NOWHERE

PAGE = Path(__file__).parents[3] / "docs/api/problems.md"


def test_every_problem_in_the_openapi_document_is_explained() -> None:
    paths = build(Settings.model_validate(NOWHERE)).openapi()["paths"]
    said = [
        answer["description"]
        for path in paths.values()
        for operation in path.values()
        for answer in operation["responses"].values()
    ]
    named = {name for text in said if text.startswith("Problem") for name in re.findall(r"`([a-z-]+)`", text)}
    explained = set(re.findall(r"^\| `([a-z-]+)` \| \d", PAGE.read_text(), re.MULTILINE))
    assert "waiting-for-other-side" in named
    assert named <= explained
