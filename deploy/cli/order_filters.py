"""Which orders a list or an export holds, as options."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, get_args

import typer

from shared.contracts.assignments import Holder, Stage

ShopId = Annotated[str | None, typer.Option("--shop", metavar="SHOP_ID", help="Only orders of this shop.")]


@dataclass(frozen=True)
class Filters:
    """What all of the orders have; None: it doesn't matter."""

    shop_id: ShopId = None
    stage: Annotated[
        list[str] | None,
        typer.Option(metavar="|".join(get_args(Stage)), help="Where they stand; again for another stage."),
    ] = None
    holder: Annotated[
        Holder | None, typer.Option(help="Who has them now: shop are those that no 3PL has.")
    ] = None
    link_id: Annotated[
        str | None, typer.Option("--link", metavar="LINK_ID", help="The link that they are held under now.")
    ] = None
    text: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="Words of the number, the id, the buyer's or recipient's name, e-mail, a tracking number.",
        ),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Received then or later: 2026-11-24, or 2026-11-24T08:30+01:00."),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Received before; a day alone is its first moment, in UTC."),
    ] = None

    def query(self) -> dict[str, Any]:
        """The filters as the API takes them."""
        return {
            **vars(self),
            "since": _moment(self.since, "--since"),
            "until": _moment(self.until, "--until"),
        }


def _moment(given: str | None, option: str) -> str | None:
    """The time with its zone, which is UTC where none is given."""
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise typer.BadParameter(
            f"{given!r} is no time such as 2026-11-24 or 2026-11-24T08:30+01:00", param_hint=option
        ) from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
