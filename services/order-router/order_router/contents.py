"""What an orders tab shows of an order's document: pure."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError


class Contents(BaseModel):
    """When, for how much and by whom was bought, how many pieces, where to; empty where nothing says so."""

    model_config = ConfigDict(frozen=True)

    placed_at: AwareDatetime | None = None
    currency: str | None = None
    total: str | None = None
    buyer: str = ""
    delivery_country: str | None = None
    item_count: int | None = None


def contents(document: str) -> Contents:
    """What is shown of a document; of one that can't be read any more, nothing."""
    try:
        read = _Document.model_validate_json(document)
    except ValidationError:
        return Contents()
    return Contents(
        placed_at=read.placed_at,
        currency=read.currency,
        total=read.totals.total,
        buyer=read.client.name,
        delivery_country=read.client.delivery_address.country if read.client.delivery_address else None,
        item_count=sum(line.quantity for line in read.lines),
    )


# The contract's own order would read every field, in three times the time.
class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Address(_Part):
    country: str | None = None


class _Client(_Part):
    name: str = ""
    delivery_address: _Address | None = None


class _Totals(_Part):
    total: str


class _Line(_Part):
    quantity: int


class _Document(_Part):
    placed_at: AwareDatetime | None = None
    currency: str
    totals: _Totals
    client: _Client = _Client()
    lines: tuple[_Line, ...]
