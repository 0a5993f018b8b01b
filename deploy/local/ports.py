"""Free TCP ports on the loopback address."""

import random
import socket
from contextlib import closing

from deploy.local.errors import PlatformError

LOOPBACK = "127.0.0.1"
# Below the range that kernels hand out to outgoing connections: while a process of ours is starting again its
# port is free for a second, and no client must get it.
RANGE = range(18_000, 32_000)


def free_port(preferred: int | None = None, taken: frozenset[int] = frozenset()) -> int:
    """`preferred` if it is free, else any free port not in `taken`. Raises `PlatformError` if none is."""
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    for port in random.sample(RANGE, len(RANGE)):
        if port not in taken and is_free(port):
            return port
    raise PlatformError(f"No TCP port from {RANGE.start} to {RANGE.stop - 1} is free on {LOOPBACK}.")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with closing(socket.socket()) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback address."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
