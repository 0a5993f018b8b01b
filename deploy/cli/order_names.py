"""Which orders a command acts on: named as arguments, or one a line in a file or on stdin."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ValidationError

from deploy.cli.connection import at
from deploy.local.errors import PlatformError
from shared.contracts.cloudevents import first_fault
from shared.contracts.identifiers import ShopId
from shared.contracts.orders import OrderId
from shared.contracts.shipments import Carrier, Parcel, TrackingNumber

EXAMPLE = "S-7F3K-9QXC/1001"

OrderName = Annotated[
    str,
    typer.Argument(metavar="SHOP_ID/ORDER_ID", help=f"As `orderdock orders list` shows it: {EXAMPLE}."),
]


class NamedOrder(BaseModel):
    """An order, and what its line says of its own consignment."""

    shop_id: ShopId
    order_id: OrderId
    carrier: Carrier | None = None
    tracking_number: TrackingNumber = ""
    parcels: tuple[Parcel, ...] = ()

    @property
    def key(self) -> dict[str, str]:
        """How the API is told of it."""
        return {"shop_id": self.shop_id, "order_id": self.order_id}

    @property
    def consignment(self) -> dict[str, Any]:
        """What its line says of the consignment, and no defaults."""
        return self.model_dump(exclude=set(self.key), exclude_defaults=True)

    def at(self, *before: str, act: tuple[str, ...] = ()) -> str:
        """The path of the order below these names, or of an act on it."""
        return at(*before, self.shop_id, self.order_id, *act)


@dataclass(frozen=True)
class Orders:
    """The orders of a command that acts."""

    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SHOP_ID/ORDER_ID",
            help=f"One or several, as `orderdock orders list` shows them: {EXAMPLE}.",
        ),
    ] = None
    from_file: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Orders, as many as there are, one a line: SHOP_ID/ORDER_ID, or a JSON object with shop_id "
            "and order_id, such as the lines of `orders export --format json-lines`. -: stdin.",
        ),
    ] = ""

    def read(self) -> list[NamedOrder]:
        """Each of them once, in the order they are named; raises before any is acted on if one is wrong."""
        if bool(self.names) == bool(self.from_file):
            raise typer.BadParameter(f"name orders, such as {EXAMPLE}, or give --from-file, one of the two")
        found = map(named, self.names) if self.names else _of_lines(self.from_file)
        orders = list({(order.shop_id, order.order_id): order for order in found}.values())
        if not orders:
            raise PlatformError(f"There is no order in {_place(self.from_file)}: it holds one a line.")
        return orders

    @property
    def is_one(self) -> bool:
        """Whether it is one argument alone."""
        return self.names is not None and len(self.names) == 1


def named(name: str) -> NamedOrder:
    """The order of an argument."""
    try:
        return _parsed(name)
    except ValueError as error:
        raise typer.BadParameter(f"{name} names no order: {error}") from error


def _of_lines(file: str) -> Iterator[NamedOrder]:
    for number, line in enumerate(_lines(file), 1):
        try:
            if line.strip():
                yield _parsed(line)
        except ValueError as error:
            raise PlatformError(
                f"Line {number} of {_place(file)} names no order: {error}. Nothing was done."
            ) from error


def _lines(file: str) -> Iterable[str]:
    """The lines without their ends; blanks may be part of an order's id."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformError(f"The orders can't be read from {_place(file)}: {error}.") from error
    return (line.removesuffix("\r") for line in text.split("\n"))


def _parsed(line: str) -> NamedOrder:
    """The order in a line; raises ValueError. After a tab, which no id holds, stands its tracking number."""
    try:
        if line.startswith("{"):
            return NamedOrder.model_validate(json.loads(line))
        name, _, tracking_number = line.partition("\t")
        shop_id, slash, order_id = name.partition("/")
        if not slash:
            raise ValueError(f"it has no slash, as {EXAMPLE} has between the shop and the order")
        return NamedOrder(shop_id=shop_id, order_id=order_id, tracking_number=tracking_number)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from error


def _place(file: str) -> str:
    return "stdin" if file == "-" else file
