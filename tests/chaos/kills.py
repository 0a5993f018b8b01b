"""How a part of the platform is killed."""

import os
import signal

from deploy.local.platform import Platform
from tests.harness import until


async def kill(platform: Platform, name: str) -> None:
    """Kills a part with SIGKILL and waits until the platform has brought it, and all else, back."""
    before = platform.pid(name)
    assert before is not None
    os.kill(before, signal.SIGKILL)

    async def is_back() -> bool:
        return platform.pid(name) not in (None, before)

    await until(f"{name} is back under a new process id", is_back)
    await platform.wait_ready()
