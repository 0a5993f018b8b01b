"""Every kind of problem that the API's document names is explained in docs/api/problems.md."""

import re
from pathlib import Path

from cryptography.fernet import Fernet
from pydantic import SecretStr

from integration.app import Settings, build

PAGE = Path(__file__).parents[3] / "docs/api/problems.md"


def test_every_problem_in_the_openapi_document_is_explained() -> None:
    settings = Settings(
        DATABASE_URL="postgresql://nobody@localhost/none",
        KAFKA_BOOTSTRAP_SERVERS="localhost:1",
        encryption_keys=(SecretStr(Fernet.generate_key().decode()),),
    )
    paths = build(settings).openapi()["paths"]
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
