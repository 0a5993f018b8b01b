"""A shop and a 3PL that have everything an account can have, and others who must not learn of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from integration.one_time_tokens import hashed
from shared import dead_letters
from shared.contracts import cloudevents
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.links import Side
from shared.database import Database
from shared.dead_letters import DeadLetter
from shared.kafka import topics
from shared.kafka.records import Record
from tests.builders import NOW
from tests.component.integration.conftest import Person, World

PASSWORD = "correct horse battery staple"
KNOWN_TOKENS = {"invitation": "invitation_known-of-{}", "password": "password_known-of-{}"}
# So that no limit hides what else an answer would be.
OFTEN = dict.fromkeys(("finds_per_hour", "sign_ins_per_quarter", "mails_per_hour", "redeems_per_hour"), 10**6)
SIDES: tuple[Side, Side] = ("shop", "threepl")

_INVITED = text("UPDATE invitations SET token_hash = :hash WHERE id = :id")
_WELCOMED = text("UPDATE password_tokens SET token_hash = :hash WHERE person_id = :id")


@dataclass(frozen=True)
class Tenants:
    """The two `settled` accounts with what they have by name, `bare` ones with nothing, and `spare` ones.

    `has` is what a side has, by the names that paths and bodies use: `account_id`, `person_id` …; `secrets`
    is what of it nobody else may read.
    """

    settled: Mapping[Side, Person]
    bare: Mapping[Side, Person]
    spare: Mapping[Side, Person]
    has: Mapping[Side, Mapping[str, str]]
    secrets: Mapping[Side, Mapping[str, str]]


async def settle(world: World, database: Database, topic_prefix: str) -> Tenants:
    """Makes them through the API; beside them lies a dead letter of a message that is nobody's."""
    settled = {side: await _account(world, side, f"Vermilion {side}") for side in SIDES}
    bare = {side: await _account(world, side, f"Bare {side}") for side in SIDES}
    spare = {side: await _account(world, side, f"Spare {side}") for side in SIDES}
    links = await _links(world, settled)
    letter = await _letter(database, topic_prefix)
    has: dict[Side, dict[str, str]] = {}
    for side, account in settled.items():
        own = await _belongings(world, account, side)
        tokens = await _tokens(world, database, side, own)
        has[side] = {**own, **tokens, "link_id": links["link"], "letter_id": letter}
    secrets = {side: _secrets(has[side], f"Vermilion {side}") for side in SIDES}
    secrets["threepl"] |= links
    secrets["shop"] |= {name: links[name] for name in ("link", "reference")}
    return Tenants(settled, bare, spare, has, secrets)


async def _account(world: World, side: Side, name: str) -> Person:
    email = f"{name.replace(' ', '.').lower()}@{side}.example"
    new = {"kind": side, "email": email, "name": name, "plan": "conquer"}
    made = (await world.operator.post("/accounts", new)).json()
    return await world.program(made["id"], email)


async def _links(world: World, settled: Mapping[Side, Person]) -> dict[str, str]:
    """An active link of the two, with a history, and the 3PL's links in every other state."""
    shop, threepl = settled["shop"], settled["threepl"]
    link = await _link(shop, threepl)
    settings = {
        "webhook_url": "https://hooks.example.com/in/t0ken-of-vermilion",
        "client_reference": "client-4711",
    }
    await threepl.put(f"/links/{link}/settings", settings, params={"apply_to": "open_orders"})
    await shop.put(f"/links/{link}/rules", {"priority": 2})
    await threepl.post(f"/links/{link}/activate")
    others = [await _link(await _account(world, "shop", f"Client {number}"), threepl) for number in range(3)]
    await threepl.post(f"/links/{others[1]}/activate")
    await threepl.post(f"/links/{others[1]}/deactivate")
    await threepl.delete(f"/links/{others[2]}")
    named = dict(zip(("pending link", "inactive link", "deleted link"), others, strict=True))
    return {"link": link, "reference": "client-4711", "webhook": "t0ken-of-vermilion", **named}


async def _link(shop: Person, threepl: Person) -> str:
    answer = await shop.post("/links", {"account_id": threepl.id})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _belongings(world: World, account: Person, side: Side) -> dict[str, str]:
    """A person, an API key, and two invitations: one open, one withdrawn."""
    person = await world.person(account, f"ada@vermilion.{side}.example", "support", name=f"Ada of {side}")
    key = await account.post(
        f"/accounts/{account.id}/api-keys", {"name": f"Till of {side}", "scopes": ["read"]}
    )
    links = [
        await account.post("/links", {"email": f"{word}.{side}@invited.example"})
        for word in ("gone", "asked")
    ]
    asked, gone = (await account.get("/invitations")).json()["invitations"]
    withdrawn = await account.post(f"/invitations/{gone['id']}/withdraw")
    assert withdrawn.status_code == 200, withdrawn.text
    return {
        "kind": side,
        "account_id": account.id,
        "account_email": account.email,
        "person_id": person["id"],
        "person_email": person["email"],
        "person_name": person["name"],
        "key_id": key.json()["id"],
        "key_secret": key.json()["secret"],
        "key_name": key.json()["name"],
        "invitation_id": asked["id"],
        "invited_email": asked["email"],
        "invited_link": links[1].json()["id"],
        "withdrawn": gone["id"],
    }


async def _tokens(world: World, database: Database, side: Side, own: Mapping[str, str]) -> dict[str, str]:
    """One-time tokens that are known here in place of those in the mails, and a session of the person."""
    tokens = {f"{of}_token": known.format(side) for of, known in KNOWN_TOKENS.items()}
    await _know(database, _INVITED, own["invitation_id"], tokens["invitation_token"])
    await _know(database, _WELCOMED, own["person_id"], "first")
    chosen = await world.client.post("/passwords", json={"token": "first", "password": PASSWORD})
    assert chosen.status_code == 204, chosen.text
    await world.client.post("/password-resets", json={"kind": side, "email": own["person_email"]})
    await _know(database, _WELCOMED, own["person_id"], tokens["password_token"])
    session = (await world.sign_in(side, own["person_email"], PASSWORD)).json()
    return {**tokens, "refresh_token": session["refresh_token"], "password": PASSWORD}


async def _letter(database: Database, prefix: str) -> str:
    """A letter that can be put back: its event is one that nobody is told of."""
    event = cloudevents.write(CloudEvent(id="1", source="/", type="com.orderdock.unknown"))
    record = Record(prefix + topics.DELIVERIES, 0, 10**6, None, event, {}, NOW)
    announced = prefix + topics.dead_letter("integration")
    async with database.transaction() as connection:
        await dead_letters.add(connection, [DeadLetter(record, "no JSON")], announced)
        return str(await connection.scalar(text("SELECT id FROM dead_letters")))


async def _know(database: Database, statement: Any, of: str, token: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(statement, {"hash": hashed(token), "id": of})


def _secrets(has: Mapping[str, str], name: str) -> dict[str, str]:
    return {
        **{each: value for each, value in has.items() if each not in ("kind", "link_id", "letter_id")},
        "account_name": name,
    }
