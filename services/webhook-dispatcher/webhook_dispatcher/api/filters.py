"""Which deliveries a list is to hold: its parameters."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from shared.contracts.deliveries import DeliveryType
from webhook_dispatcher.answers import Status
from webhook_dispatcher.store.delivery_lists import Filter


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be between the years 1 and 9999 in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]


async def _wanted(
    status: Annotated[list[Status] | None, Query(description="One or several, each by its own.")] = None,
    link_id: Id | None = None,
    endpoint_id: Id | None = None,
    shop_id: Id | None = None,
    order_id: Annotated[
        Id | None, Query(description="Best with its `shop_id`: of many shops' orders they are searched for.")
    ] = None,
    event_type: Annotated[DeliveryType | None, Query(alias="type")] = None,
    since: Annotated[Moment | None, Query(description="Their events happened then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Their events happened before.")] = None,
) -> Filter:
    return Filter(
        statuses=frozenset(status) if status else None,
        link_id=link_id,
        endpoint_id=endpoint_id,
        shop_id=shop_id,
        order_id=order_id,
        type=event_type,
        since=since,
        until=until,
    )


GivenFilter = Annotated[Filter, Depends(_wanted)]
