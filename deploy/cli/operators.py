"""`orderdock operators list`: who runs the platform, as the API tells an operator."""

from deploy.cli import output
from deploy.cli.accounts import COLUMNS
from deploy.cli.connection import Given, connect
from deploy.cli.options import Most, grouped


@grouped
def list_all(given: Given, limit: Most = 50) -> None:
    """List the accounts that are operators."""
    with connect(given, "operator") as integration:
        found = integration.some("/accounts", limit, only=lambda account: account["kind"] == "operator")
    output.listed(given.as_json, found, COLUMNS, "There are no operators.")
