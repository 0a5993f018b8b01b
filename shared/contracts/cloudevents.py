"""CloudEvents 1.0 on Kafka: structured and binary mode are read, structured JSON is written.

Source: the CloudEvents 1.0.2 JSON event format and Kafka protocol binding.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import pydantic_core
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.errors import UnreadableMessage

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Headers = Mapping[str, bytes]


class CloudEvent(BaseModel):
    """One event; `data` is the JSON value it carries, not yet checked against a contract."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: Text
    source: Text
    type: Text
    subject: str | None = Field(default=None, max_length=1024)
    time: AwareDatetime | None = None
    data: Any = None


def read(value: bytes | None, headers: Headers, spare_depth: int = 0) -> CloudEvent:
    """The event in one Kafka record.

    JSON is read up to 200 levels deep; `spare_depth` of them are left for what will go around it.
    Raises `UnreadableMessage`, with a reason for the dead letter, if it is no CloudEvent.
    """
    if not value:
        raise UnreadableMessage("the message is empty; an event needs a JSON body")
    content = _json(value, spare_depth)
    try:
        return CloudEvent.model_validate(_attributes(content, headers))
    except ValidationError as error:
        raise UnreadableMessage(f"no CloudEvent: {first_fault(error)}") from error


def write(event: CloudEvent) -> bytes:
    """The event as structured-mode JSON; its content type is `CONTENT_TYPE`."""
    return event.model_dump_json(exclude_none=True).encode()


def write_raw(
    *, event_id: str, source: str, event_type: str, subject: str, time: datetime, data: str
) -> bytes:
    """Like `write`, for `data` that already is JSON text; neither it nor the attributes are checked again."""
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event_type,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
    }
    return b'%b,"data":%b}' % (pydantic_core.to_json(attributes)[:-1], data.encode())


def first_fault(error: ValidationError) -> str:
    """What is wrong first, in one sentence that names the field."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"]) or "the document"
    more = error.error_count() - 1
    return f"{place}: {fault['msg']}" + (f" (and {more} more)" if more else "")


def _json(value: bytes, spare_depth: int) -> Any:
    try:
        content = pydantic_core.from_json(
            b"[" * spare_depth + value + b"]" * spare_depth, allow_inf_nan=False
        )
        for _ in range(spare_depth):
            [content] = content
        return content
    except ValueError as error:
        raise UnreadableMessage(f"no JSON: {error}") from error


def _attributes(content: Any, headers: Headers) -> Any:
    """The event's attributes with its data, whichever of the two modes it came in."""
    if "ce_specversion" not in headers or _is_structured(headers):
        if isinstance(content, dict):
            return content
        raise UnreadableMessage("no CloudEvent: structured mode wants a JSON object")
    named = {
        name[3:]: raw.decode("utf-8", "replace") for name, raw in headers.items() if name.startswith("ce_")
    }
    return {**named, "data": content}


def _is_structured(headers: Headers) -> bool:
    return headers.get("content-type", b"").startswith(b"application/cloudevents")
