"""What the dead letters' API takes and answers."""

import base64
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from shared.contracts.plain_text import plain
from shared.dead_letter_rows import KeptLetter

MOST = 1000  # letters that one call puts back
_BIGINT = 2**63

LetterId = Annotated[int, Field(ge=1, lt=_BIGINT)]
Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
Words = Annotated[
    str, Field(min_length=1, max_length=200, description="What the reason contains."), AfterValidator(plain)
]


class DeadLetter(BaseModel):
    """A message that can never work, with its place on Kafka and the reason.

    `size` (bytes) and `sha256` are of the whole message, `timestamp` is Kafka's time of it, `received_at`
    when it was kept. One without `put_back_at` waits.
    """

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    size: int
    sha256: str
    timestamp: AwareDatetime
    received_at: AwareDatetime
    put_back_at: AwareDatetime | None

    @classmethod
    def of(cls, letter: KeptLetter, **more: Any) -> Self:
        record = letter.record
        return cls(
            id=letter.id,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=letter.reason,
            size=letter.size,
            sha256=letter.sha256,
            timestamp=record.timestamp,
            received_at=letter.received_at,
            put_back_at=letter.put_back_at,
            **more,
        )


class DeadLetterBytes(BaseModel):
    """Bytes as they are, and as text if they are UTF-8."""

    base64: str
    text: str | None

    @classmethod
    def of(cls, value: bytes, **more: Any) -> Self:
        return cls(base64=base64.b64encode(value).decode(), text=_text(value), **more)


class DeadLetterHeader(DeadLetterBytes):
    """A header of the message."""

    name: str


class DeadLetterDetail(DeadLetter):
    """One dead letter with its bytes; if it isn't `whole`, only the first 256 KiB of `value` were kept."""

    key: DeadLetterBytes | None
    headers: list[DeadLetterHeader]
    value: DeadLetterBytes | None
    whole: bool

    @classmethod
    def of(cls, letter: KeptLetter, **more: Any) -> Self:
        record = letter.record
        return super().of(
            letter,
            key=None if record.key is None else DeadLetterBytes.of(record.key),
            headers=[DeadLetterHeader.of(value, name=name) for name, value in record.headers.items()],
            value=None if record.value is None else DeadLetterBytes.of(record.value),
            whole=letter.whole,
            **more,
        )


class DeadLetterPage(BaseModel):
    """Dead letters, the newest first; without `next_cursor` it is the last page."""

    dead_letters: list[DeadLetter]
    next_cursor: str | None


class DeadLettersToPutBack(BaseModel):
    """Waiting letters: those named, or the oldest of a topic, with such a reason, or both."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: list[LetterId] | None = Field(default=None, min_length=1, max_length=MOST)
    topic: Topic | None = None
    reason: Words | None = None
    after: int = Field(default=0, ge=0, lt=_BIGINT, description="Only letters with a higher id.")
    limit: int = Field(default=MOST, ge=1, le=MOST, description="The most letters to try.")

    @model_validator(mode="after")
    def _named_or_described(self) -> Self:
        if (self.ids is None) == (self.topic is None and self.reason is None):
            raise ValueError("give either ids, or a topic, a reason or both")
        return self


class PutBackProblem(BaseModel):
    """Why one letter was not put back: what the problem document of putting back it alone would say."""

    type: str
    status: int
    detail: str


class PutBackOutcome(BaseModel):
    """What came of one letter: as it is now that it is put back, or the problem."""

    id: int
    dead_letter: DeadLetter | None
    problem: PutBackProblem | None


class PutBackOutcomes(BaseModel):
    """What came of each letter, the oldest first; where `after` goes on from if there may be more."""

    outcomes: list[PutBackOutcome]
    next_after: int | None


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
