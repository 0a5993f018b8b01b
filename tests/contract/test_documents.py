"""What is checked in of the APIs is what the services serve."""

import pytest

from tests.contract.documents import FOLDER, documents


async def test_the_openapi_documents_are_current() -> None:
    for name, text in documents().items():
        assert (FOLDER / name).read_text() == text, f"{name} is not current: run `make docs`"


@pytest.mark.parametrize("word", ["/health", "/metrics"])
async def test_what_operators_alone_call_is_not_in_them(word: str) -> None:
    assert not any(f'"{word}' in text for text in documents().values())
