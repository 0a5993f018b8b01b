"""The links and endpoints of a bench, put straight into the dispatcher's database."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from deploy.local.ports import LOOPBACK
from shared.encryption import KeyRing
from tests.builders import account_id
from webhook_dispatcher import signing
from webhook_dispatcher.endpoints import endpoint_id

THREEPLS = 50
NOBODY = f"http://{LOOPBACK}:9"  # a port that nobody listens on
_LINKS = """
    INSERT INTO links (id, shop_id, threepl_id, version)
    SELECT id, shop_id, threepl_id, 1
    FROM unnest($1::text[], $2::text[], $3::text[]) AS link (id, shop_id, threepl_id)
"""
_ENDPOINTS = """
    INSERT INTO endpoints (id, link_id, url, secret, key_id)
    SELECT id, link_id, url, secret, $5
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS endpoint (id, link_id, url, secret)
"""


@dataclass(frozen=True)
class Target:
    """An endpoint with its link and its secret."""

    link_id: str
    shop_id: str
    threepl_id: str
    url: str
    secret: str

    @property
    def endpoint_id(self) -> str:
        return endpoint_id(self.link_id, self.url)


def make(place: str, ports: Sequence[int], kinds: Sequence[str]) -> list[Target]:
    """An endpoint of each of these kinds (see receiver.py), each at a port of its own while there are ports.

    Those of different places are different ones.
    """
    urls = [f"http://{LOOPBACK}:{ports[at % len(ports)]}/{kind}/{at}" for at, kind in enumerate(kinds)]
    return [_target(place, number, url) for number, url in enumerate(urls)]


def make_dead(place: str) -> Target:
    """An endpoint where nobody listens."""
    return _target(place, 0, f"{NOBODY}/dead")


async def store(database_url: str, keys: KeyRing, targets: Sequence[Target]) -> None:
    """Puts them where the service has its own."""
    links = [each.link_id for each in targets]
    shops, threepls = [each.shop_id for each in targets], [each.threepl_id for each in targets]
    ids, urls = [each.endpoint_id for each in targets], [each.url for each in targets]
    secrets = [keys.seal(each.secret.encode()).token for each in targets]
    connection = await asyncpg.connect(database_url)
    await connection.execute(_LINKS, links, shops, threepls)
    await connection.execute(_ENDPOINTS, ids, links, urls, secrets, keys.newest)
    await connection.close()


def _target(place: str, number: int, url: str) -> Target:
    return Target(
        link_id=f"{place}-{number}",
        shop_id=account_id("shop", number),
        threepl_id=account_id("threepl", number % THREEPLS),
        url=url,
        secret=signing.secret(os.urandom(signing.SECRET_BYTES)),
    )
