"""The languages that Orderdock writes mails in."""

from typing import Literal

Language = Literal["en", "de"]
