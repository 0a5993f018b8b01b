"""What people are told of one order: its facts, its history, and why it went where it went."""

from collections.abc import Iterator
from typing import Any

from deploy.cli import output
from deploy.cli.order_outcomes import asked, held_by

LINES: output.Columns = {
    "time (UTC)": lambda line: output.moment(line["at"]),
    "act": lambda line: line["act"].replace("_", " "),
    "stage then": lambda line: line["stage"],
    "link": lambda line: line["link_id"],
    "who": lambda line: "\n".join(filter(None, (line["who"], line["by"]))),
    "detail": lambda line: line["detail"],
}
VERDICTS: output.Columns = {
    "link": lambda verdict: verdict["link_id"],
    "verdict": lambda verdict: verdict["reason"],
}


def total(order: dict[str, Any]) -> str:
    """What was paid."""
    return " ".join(filter(None, (order["total"], order["currency"])))


def of(order: dict[str, Any]) -> dict[str, object]:
    """The facts of an order, the documents that it comes with in words."""
    return {
        "order": f"{order['shop_id']}/{order['order_id']}",
        "number": order["number"],
        "stage": order["stage"],
        "with": held_by(order),
        "link": order["link_id"],
        "asked": "\n".join(map(asked, order["requests"])),
        "consignment": "\n".join(_consignment(order["consignment"] or {})),
        "terms": "\n".join(_terms(order["settings"] or {})),
        "buyer": order["buyer"],
        "goes to": order["delivery_country"],
        "articles": "\n".join(_articles(order["order"])),
        "total": total(order),
        "placed (UTC)": output.moment(order["placed_at"]),
        "received (UTC)": output.moment(order["created_at"]),
        "decision": _decision(order["decision"]),
    }


def _consignment(consignment: dict[str, Any]) -> Iterator[str]:
    if consignment:
        yield " ".join(filter(None, (consignment["carrier"], consignment["tracking_number"])))
    for number, parcel in enumerate(consignment.get("parcels", ()), 1):
        sides = [str(parcel[side]) for side in ("length", "width", "height") if parcel[side]]
        weight = f"{parcel['weight']} g" if parcel["weight"] else ""
        size = f"{' × '.join(sides)} mm" if sides else ""
        yield " ".join(filter(None, (f"parcel {number}:", parcel["tracking_number"], weight, size)))


def _terms(settings: dict[str, Any]) -> Iterator[str]:
    """Whose terms the 3PL holds it under, and what it calls the shop."""
    for name in ("shipping_rules_from", "charge_to", "support_tickets_from"):
        if name in settings:
            yield f"{name.replace('_', ' ')} {settings[name].replace('threepl', '3PL')}"
    if settings.get("client_reference"):
        yield f"client reference {settings['client_reference']}"


def _articles(document: dict[str, Any]) -> Iterator[str]:
    for line in document.get("lines", ()):
        yield " ".join(filter(None, (f"{line['quantity']} ×", line.get("sku"), line.get("name"))))


def _decision(decision: dict[str, Any] | None) -> str:
    if decision is None:
        return "none: the router has not routed it"
    return f"{decision['reason']} (`orderdock orders explain` says why of each link)"
