"""Names that change their address, or have several: what is connected to is what was checked.

No test calls a public address: an allowed part of loopback stands for outside, 127.0.0.1 for inside.
"""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from tests.component.webhook_dispatcher.test_rebinding import (
    INSIDE,
    attempt,
    guarded,
    listening,
    naming,
    watching,
)
from webhook_dispatcher.transport import MOST_ADDRESSES

OUTSIDE = "127.1.0.1"
ALLOWED = (ip_network("127.1.0.0/16"),)


async def test_a_name_that_moves_inside_after_its_first_look_up_is_not_followed() -> None:
    async with (
        listening() as first,
        listening() as second,
        naming(hooks=[(OUTSIDE,), (INSIDE,)]) as (name_server, asked),
        guarded(ALLOWED, name_server) as transport,
    ):
        with watching() as connections:
            # aiohttp keeps a look-up for a host and port: the second one's is its own.
            before = await attempt(transport, f"http://hooks.example:{first.port}/")
            after = await attempt(transport, f"http://hooks.example:{second.port}/")
    assert (before.status, after.status) == (200, None)
    assert "127.0.0.1 is not a public address" in (after.error or "")
    assert connections == [OUTSIDE]
    assert [first.called, second.called] == [[OUTSIDE], []]
    assert len([kind for _, kind in asked if kind == 1]) == 2


async def test_the_address_checked_is_the_one_connected_to_with_no_look_up_between() -> None:
    async with (
        listening() as listener,
        naming(hooks=[("127.1.2.3",), (INSIDE,)]) as (name_server, asked),
        guarded(ALLOWED, name_server) as transport,
    ):
        with watching() as connections:
            answer = await attempt(transport, f"http://hooks.example:{listener.port}/")
    assert answer.status == 200
    assert connections == listener.called == ["127.1.2.3"]
    assert sorted(asked) == [("hooks.example", 1), ("hooks.example", 28)]


@pytest.mark.parametrize(
    "said", [(INSIDE, OUTSIDE), (OUTSIDE, INSIDE), (OUTSIDE, "::1"), ("::ffff:127.0.0.1", OUTSIDE)]
)
async def test_of_addresses_inside_and_outside_only_the_latter_are_called(said: Sequence[str]) -> None:
    async with (
        listening() as listener,
        naming(hooks=[said]) as (name_server, _),
        guarded(ALLOWED, name_server) as transport,
    ):
        with watching() as connections:
            answer = await attempt(transport, f"http://hooks.example:{listener.port}/")
    assert answer.status == 200
    assert connections == listener.called == [OUTSIDE]


async def test_when_the_address_outside_fails_the_one_inside_is_no_way_out() -> None:
    async with (
        listening(INSIDE) as listener,
        naming(hooks=[(OUTSIDE, INSIDE, "::1")]) as (name_server, _),
        guarded(ALLOWED, name_server) as transport,
    ):
        with watching() as connections:
            answer = await attempt(transport, f"http://hooks.example:{listener.port}/")
    assert (answer.status, listener.called) == (None, [])
    assert set(connections) == {OUTSIDE}


@pytest.mark.parametrize(
    "said",
    [
        ("=localhost", INSIDE, "::1"),
        ("=metadata.google.internal", "169.254.169.254"),
        ("=hooks.outside.example", "=localhost", INSIDE),
        ("64:ff9b::7f00:1", "::ffff:127.0.0.1", "::127.0.0.1"),
        ("0.0.0.0", "::"),  # noqa: S104
    ],
)
async def test_an_alias_is_judged_by_the_address_at_its_end(said: Sequence[str]) -> None:
    async with (
        listening() as listener,
        naming(hooks=[said]) as (name_server, _),
        guarded((), name_server) as transport,
    ):
        with watching() as connections:
            answer = await attempt(transport, f"http://hooks.example:{listener.port}/")
    assert (answer.status, connections, listener.called) == (None, [], [])


async def test_an_alias_of_an_allowed_address_is_followed() -> None:
    async with (
        listening() as listener,
        naming(hooks=[("=hooks.outside.example", OUTSIDE)]) as (name_server, _),
        guarded(ALLOWED, name_server) as transport,
    ):
        answer = await attempt(transport, f"http://hooks.example:{listener.port}/")
    assert (answer.status, listener.called) == (200, [OUTSIDE])


async def test_of_a_name_with_very_many_addresses_few_are_tried() -> None:
    many = [f"127.1.0.{number}" for number in range(2, 62)]
    async with (
        listening(INSIDE) as listener,
        naming(hooks=[many]) as (name_server, _),
        guarded(ALLOWED, name_server) as transport,
    ):
        with watching() as connections:
            answer = await attempt(transport, f"http://hooks.example:{listener.port}/")
    assert answer.status is None
    assert len(set(connections)) == MOST_ADDRESSES


async def test_names_that_resolve_to_nothing_are_errors() -> None:
    async with naming(hooks=[()]) as (name_server, _), guarded((), name_server) as transport:
        answer = await attempt(transport, "http://hooks.example/")
    assert answer.status is None
    assert "ClientConnectorDNSError" in (answer.error or "")
