"""Which orders a list, a count or an export is to hold: the parameters that all of them take."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from order_router.acts import STAGES
from order_router.store.order_lists import Filter
from shared.contracts.assignments import Holder, Stage
from shared.contracts.identifiers import ShopId
from shared.contracts.plain_text import plain


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be between the years 1 and 9999 in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
LinkId = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(plain)]
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(plain)
]
OfShop = Annotated[ShopId | None, Query(description="Only orders of this shop.")]


async def _wanted(
    shop_id: OfShop = None,
    stage: Annotated[list[Stage] | None, Query(description="One or several, each by its own.")] = None,
    holder: Annotated[
        Holder | None, Query(description="Who holds them now: `shop` are those that no 3PL has.")
    ] = None,
    link_id: Annotated[LinkId | None, Query(description="Only orders that are held under it now.")] = None,
    text: Annotated[
        Words | None,
        Query(
            description="Each word occurs in the number, the id, the buyer's or the recipient's name, "
            "the e-mail or a tracking number."
        ),
    ] = None,
    since: Annotated[Moment | None, Query(description="Created then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Created before.")] = None,
) -> Filter:
    return Filter(
        shop_id,
        frozenset(stage or STAGES),
        holder,
        link_id,
        tuple(text.split()) if text else (),
        since,
        until,
    )


GivenFilter = Annotated[Filter, Depends(_wanted)]
