"""A token that works once: given out in a mail or an answer, of which only a hash is stored."""

import base64
import hashlib
from typing import Annotated

from pydantic import StringConstraints

CHANCE = 32  # bytes

# What people may hand in as one; longer than any that is given out, and of the same printable ASCII.
Token = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


def written(prefix: str, chance: bytes) -> str:
    """The token as it is given out, from 32 bytes of chance; its prefix tells scanners what leaked."""
    return prefix + base64.urlsafe_b64encode(chance).decode().rstrip("=")


def hashed(token: str) -> bytes:
    """What is stored of a token (32 bytes): it is chance alone, so salt or slowness would protect nothing."""
    return hashlib.sha256(token.encode()).digest()
