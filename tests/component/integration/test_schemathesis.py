"""Every operation of the OpenAPI document, called by everybody with what Schemathesis makes of it."""

import json
import os
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from functools import cache, partial
from typing import Any

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from integration.app import build
from tests.component.integration.conftest import settings_of
from tests.component.integration.fuzzed import WHO, Fuzzed, Known
from tests.component.integration.served import served
from tests.component.integration.tenants import OFTEN
from tests.conftest import MakeDatabase, fresh_databases, fresh_topics
from tests.contract.documents import FOLDER
from tests.servers import Servers

# Schemathesis draws the id that it gives each call from `random`.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

Operation = APIOperation[Any, Any, Any, Any]

# Of valid and of invalid data each, for each operation and each caller.
EXAMPLES = 200 if os.environ.get("ORDERDOCK_HYPOTHESIS") == "long" else 5


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def labels(document: Any) -> list[str]:
    """The operations of a document, `GET /links`."""
    return [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]


LABELS = labels(json.loads((FOLDER / "integration.openapi.json").read_text()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fuzzed(servers: Servers, template: MakeDatabase) -> AsyncIterator[Fuzzed]:
    async with fresh_topics(servers) as prefix:
        with fresh_databases(servers, template) as make_database:
            settings = settings_of(servers, make_database, prefix, **OFTEN)
            app = build(settings)
            with served(app) as service:
                made = service.run(Fuzzed.of(service, settings, app))
                yield made
                service.run(made.close())


@pytest.fixture(scope="module")
def schema(fuzzed: Fuzzed) -> BaseSchema:
    """The document that the running service serves."""
    schema = schemathesis.openapi.from_dict(fuzzed.document)
    schema.config.update(base_url=fuzzed.service.url)
    schema.config.generation.update(with_security_parameters=False)
    return schema


def test_every_operation_is_called(fuzzed: Fuzzed) -> None:
    assert sorted(labels(fuzzed.document)) == sorted(LABELS)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("who", WHO)
def test_an_operation_answers_as_its_document_says(
    fuzzed: Fuzzed, schema: BaseSchema, who: str, label: str
) -> None:
    operation = schema.find_operation_by_label(label)
    assert operation is not None
    headers = fuzzed.service.run(fuzzed.headers(who))
    with requests.Session() as session:
        call = partial(Case.call_and_validate, headers=headers, session=session, checks=CHECKS)
        for mode in modes(operation):
            try_often(cases(generated(operation, mode), mode, fuzzed.names(who)), call)
    fuzzed.service.run(fuzzed.snapshot.restore())


def modes(operation: Operation) -> list[GenerationMode]:
    """Valid data, and invalid where something can be: a path alone takes every text."""
    can_be_wrong = any((*operation.body, *operation.query, *operation.headers))
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if can_be_wrong else [])]


@cache
def generated(operation: Operation, mode: GenerationMode) -> st.SearchStrategy[Case[Operation]]:
    return operation.as_strategy(mode)


@st.composite
def cases(
    draw: st.DrawFn,
    strategy: st.SearchStrategy[Case[Operation]],
    mode: GenerationMode,
    names: Sequence[Known],
) -> Case[Operation]:
    """A call that mostly names what is there; what is wrong with it stays so."""
    case, known = draw(strategy), draw(st.sampled_from(names))
    parts: list[MutableMapping[str, Any]] = [case.path_parameters]
    if mode == GenerationMode.POSITIVE:
        parts += [part for part in (case.query, case.headers, case.body) if isinstance(part, MutableMapping)]
    for part in parts:
        for name in sorted(part.keys() & known.keys()):
            if draw(st.integers(0, 9)):
                part[name] = draw(st.sampled_from(known[name]))
        if "grant_type" in part and draw(st.booleans()):  # a form, of whose fields most are optional
            part.update({name: known[name][0] for name in ("grant_type", "client_id", "client_secret")})
        if {"account_id", "email"} <= part.keys():  # of which a call gives one
            del part[draw(st.sampled_from(("account_id", "email")))]
    return case


def try_often(strategy: st.SearchStrategy[Case[Operation]], call: Callable[[Case[Operation]], Any]) -> None:
    """Calls with so many examples; nothing is shrunk, since each call finds what the one before left."""

    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def tried(case: Case[Operation]) -> None:
        call(case)

    tried()
