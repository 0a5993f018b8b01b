"""A coroutine that is taken step by step, and dropped at one of them as a killed process drops its own."""

import asyncio
import contextlib
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any


class Stepped:
    """Counts at how many suspensions a coroutine gives up control, and may drop it at one.

    What is dropped stays as it stands: nothing of it runs, no `finally` either, before `clear_away`.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.suspensions = 0
        self._coroutine = coroutine

    async def run(self, last: int | None = None) -> bool:
        """Whether it ended by itself; at suspension `last`, counted from 1, it is dropped."""
        # In a task of its own: what would cancel the coroutine later, a timeout, finds it ended.
        return await asyncio.create_task(self._drive(partial(self._coroutine.send, None), last))

    async def clear_away(self) -> None:
        """Lets what was dropped run out, once nothing can come of it any more."""
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await self._drive(partial(self._coroutine.throw, asyncio.CancelledError()), None)

    async def _drive(self, step: Callable[[], Any], last: int | None) -> bool:
        return await self._taken(step, last)

    @types.coroutine
    def _taken(self, step: Callable[[], Any], last: int | None) -> Generator[Any, None, bool]:
        while True:
            try:
                awaited = step()
            except StopIteration:
                return True
            self.suspensions += 1
            if self.suspensions == last:
                return False
            try:
                yield awaited
            except BaseException as error:
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, None)
