"""`orderdock orders`: listed, counted, shown and explained; what is done with them has its own files."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, get_args

import typer

from deploy.cli import order_acts, order_exports, order_facts, order_shipping, order_simulations, output
from deploy.cli.connection import LARGEST_PAGE, Connection, GivenRouter, Listed, connect
from deploy.cli.options import Most, grouped
from deploy.cli.order_filters import Filters, ShopId
from deploy.cli.order_names import NamedOrder, OrderName, named
from deploy.cli.order_outcomes import held_by
from shared.contracts.assignments import Stage

app = typer.Typer(
    no_args_is_help=True,
    help="Orders: who has which and why, and what both sides do with them. SHOP_ID/ORDER_ID names one.",
)
SEEN, MOVED, ASKED, TRIED = "See", "Fulfil (3PL)", "Give and take back", "Use elsewhere"

COLUMNS: output.Columns = {
    "order": lambda order: f"{order['shop_id']}/{order['order_id']}",
    "number": lambda order: order["number"],
    "stage": lambda order: order["stage"],
    "with": held_by,
    "buyer": lambda order: order["buyer"],
    "total": order_facts.total,
    "placed (UTC)": lambda order: output.moment(order["placed_at"]),
    "asked": lambda order: ", ".join(request["kind"].replace("_", "-") for request in order["requests"]),
}
HOLDERS = {"shop": "the shop", "threepl": "a 3PL", "": ""}
COUNTS: output.Columns = {
    "shop": lambda row: row["shop_id"],
    "with": lambda row: HOLDERS[row["holder"]],
    **{stage: lambda row, stage=stage: row["counts"][stage] or "" for stage in get_args(Stage)},  # type: ignore[misc]
    "all": lambda row: row["counts"].total(),
}


@app.command("list", rich_help_panel=SEEN)
@grouped
def list_seen(given: GivenRouter, filters: Filters, limit: Most = 50) -> None:
    """List orders: a 3PL sees those it has, a shop its own, operators all.

    Example: orderdock orders list --stage open --stage picking --text "ada 1001"
    """
    query = filters.query()
    with connect(given, service="order-router") as router:
        found = router.some("/orders", limit, **query)
    output.listed(given.as_json, found, COLUMNS, "There are no such orders.")


@app.command(rich_help_panel=SEEN)
@grouped
def counts(given: GivenRouter, shop_id: ShopId = None) -> None:
    """Count orders by shop, stage and who has them."""
    with connect(given, service="order-router") as router:
        found = router.get("/orders/counts", shop_id=shop_id)
    if given.as_json:
        output.done(True, found, "")
    else:
        rows = Listed(_rows(found["counts"]), more=False)
        output.listed(False, rows, COUNTS, "There are no orders.")


@app.command(rich_help_panel=SEEN)
@grouped
def show(
    order: OrderName,
    given: GivenRouter,
    limit: Annotated[int, typer.Option(min=1, help="How many lines of its history, the newest first.")] = 50,
) -> None:
    """Show an order: where it stands, what is asked of it, its consignment, its decision and its history."""
    which = named(order)
    with connect(given, service="order-router") as router:
        found = router.get(which.at("orders"))
        history = _history(router, which, found, limit)
    if given.as_json:
        output.done(True, {**found, "history": history.entries}, "")
    else:
        output.facts(False, found, order_facts.of(found))
        output.listed(False, history, order_facts.LINES, "Nothing happened to it.")


@app.command(rich_help_panel=SEEN)
@grouped
def explain(order: OrderName, given: GivenRouter) -> None:
    """Explain why an order went where it went: each link that was considered, and why it was passed over."""
    which = named(order)
    with connect(given, service="order-router") as router:
        found = router.get(which.at("explain"))
    if given.as_json:
        output.done(True, found, "")
        return
    verdicts = Listed(found["verdicts"], more=False)
    output.listed(False, verdicts, order_facts.VERDICTS, "No link was considered.")
    output.done(False, None, found["sentence"])


app.command(rich_help_panel=MOVED)(order_acts.start)
app.command(rich_help_panel=MOVED)(order_acts.queue)
app.command(rich_help_panel=MOVED)(order_shipping.ship)
app.command(rich_help_panel=MOVED)(order_acts.deliver)
app.command("return", rich_help_panel=MOVED)(order_acts.give_back)
app.command(rich_help_panel=ASKED)(order_acts.assign)
app.command("take-over", rich_help_panel=ASKED)(order_acts.take_over)
app.command(rich_help_panel=ASKED)(order_acts.accept)
app.command(rich_help_panel=ASKED)(order_acts.refuse)
app.command(rich_help_panel=TRIED)(order_simulations.simulate)
app.command(rich_help_panel=TRIED)(order_exports.export)


def _rows(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each shop and holder, with its stages' counts; where there are several, their sum last."""
    rows: dict[tuple[str, str], Counter[str]] = {}
    for each in found:
        rows.setdefault((each["shop_id"], each["holder"]), Counter())[each["stage"]] += each["orders"]
    told = [{"shop_id": shop, "holder": holder, "counts": each} for (shop, holder), each in rows.items()]
    everything = {"shop_id": "all", "holder": "", "counts": sum(rows.values(), Counter())}
    return [*told, everything] if len(told) > 1 else told


def _history(router: Connection, which: NamedOrder, found: dict[str, Any], limit: int) -> Listed:
    """The newest lines: the order comes with the first, and says where older ones begin."""
    lines, cursor = found.pop("history"), found.pop("history_cursor")
    while len(lines) < limit and cursor is not None:
        page = router.get(which.at("history"), cursor=cursor, limit=min(LARGEST_PAGE, limit - len(lines)))
        lines, cursor = lines + page["history"], page["next_cursor"]
    return Listed(lines[:limit], more=cursor is not None or len(lines) > limit)
