"""The ids of a bench's accounts."""

import itertools
from collections.abc import Iterator

from integration.accounts import symbols
from shared.contracts.identifiers import ALPHABET, SYMBOLS, AccountKind, account_id


def account_ids(kind: AccountKind) -> Iterator[str]:
    """Different ids in no order, always the same."""
    for number in itertools.count(1):
        # By an odd factor, so that no two are the same.
        yield account_id(kind, symbols(number * 0x9E3779B1 % len(ALPHABET) ** SYMBOLS))
