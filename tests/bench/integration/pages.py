"""A page of a 3PL's very many links, and of all links there are, against one of a 3PL with few."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import asyncpg
import httpx

from shared import pages
from tests.bench.aims import Aim, Measure
from tests.bench.errors import BenchError
from tests.bench.integration.load import Job, Load, Request
from tests.bench.integration.population import COMMON, RARE

AIM = Aim("at most", 1.2)
LIMIT = 50
ROUNDS, SECONDS = 13, 0.25
# Pages after which PostgreSQL has settled on a plan on each of the service's 20 connections: six on each.
WARMING = 120
_MIDDLE = """
    SELECT id, shop_id, created_at FROM links WHERE threepl_id = $1 ORDER BY created_at, id
    OFFSET (SELECT count(*) * 6 / 10 FROM links WHERE threepl_id = $1) LIMIT 1
"""


@dataclass(frozen=True)
class Reader:
    """Who reads pages, and a link from the middle of what there is to read."""

    token: str
    cursor: str
    other: str


async def reader(database_url: str, token: str, threepl: str) -> Reader:
    """Who holds the token, and a link from the middle of this 3PL's."""
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow(_MIDDLE, threepl)
    await connection.close()
    return Reader(token, pages.write(row["created_at"], row["id"]), row["shop_id"])


async def measure(load: Load, service: str, few: Reader, many: Reader, operator: Reader) -> list[Measure]:
    """The time of a page on one connection, for each filter, ours and the other in turns."""
    measures = []
    for who, reader in (("100,000 links", many), ("all links, by an operator", operator)):
        for name, query in _queries(reader).items():
            other = _request(few, _queries(few)[name], LIMIT)
            length = await _length(service, other)
            ours = _request(reader, query, min(length, LIMIT))
            if await _length(service, ours) != length:
                raise BenchError(f"{who}, {name}: the pages to compare are not of one length.")
            measures.append(await _measure(load, service, f"{who}: {name}", ours, other))
    return measures


def _queries(reader: Reader) -> Mapping[str, Mapping[str, str]]:
    return {
        "first page": {},
        "from the middle": {"cursor": reader.cursor},
        "status of most": {"status": "active"},
        "status of few": {"status": "deleted"},
        "text of most": {"text": COMMON},
        "text of few": {"text": RARE},
        "other side": {"other_side": reader.other},
    }


async def _measure(load: Load, service: str, name: str, ours: Request, other: Request) -> Measure:
    await load.do(Job(service, (ours, other) * WARMING, connections=4))
    job = Job(service, (ours, other), connections=1, seconds=SECONDS)
    rounds = [(await load.do(job)).medians for _ in range(ROUNDS)]
    return Measure(name, "100 links", "ms", [(first * 1000, then * 1000) for first, then in rounds], AIM)


def _request(reader: Reader, query: Mapping[str, str], limit: int) -> Request:
    return Request(f"/links?{urlencode({'limit': str(limit), **query})}", reader.token)


async def _length(service: str, request: Request) -> int:
    """How many links the page holds."""
    headers = {"Authorization": f"Bearer {request.token}"}
    async with httpx.AsyncClient(base_url=service, headers=headers, trust_env=False) as client:
        answer = await client.get(request.path)
    return len(answer.raise_for_status().json()["links"])
