"""What is told of an order: how it stands, every event of it, and what an account sees of it."""

from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]
Key = tuple[str, str]  # shop id, order id
Place = tuple[str, int]  # topic, partition

UPSTREAM_COUNTS = ("revision", "updated_at")  # how often and when a source said it, not what


@dataclass(frozen=True)
class Account:
    """One of the test's callers."""

    name: str
    kind: str
    id: str


@dataclass(frozen=True)
class Sent:
    """A record that was put on a topic and what it says; None: nothing that can be read."""

    topic: str
    partition: int
    offset: int
    value: bytes
    said: Body | None

    @property
    def place(self) -> Place:
        return self.topic, self.partition


@dataclass
class OrderTold:
    """An order; `holding` is under what its 3PL holds it, `under` every link that it was ever assigned under.

    `overdue` are the requests that nobody answered for 24 hours.
    """

    key: Key
    version: tuple[int, str, int, int] | None = None
    body: Body = field(default_factory=dict)
    stage: str = "open"
    says_cancelled: bool = False
    decision: Body | None = None
    holding: Body | None = None
    under: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    overdue: set[str] = field(default_factory=set)
    consignment: Body | None = None
    events: list[Body] = field(default_factory=list)
    compared: int = 0

    @property
    def holder(self) -> str:
        """The account that holds it."""
        return str(self.holding["threepl_id"]) if self.holding else self.key[0]

    @property
    def sequence(self) -> int:
        """How many events were told of it, shipments not counted."""
        return sum(each["type"] != "shipment" for each in self.events)

    @property
    def content(self) -> Body:
        """What it says, whenever and however often that was said."""
        return {name: value for name, value in self.body.items() if name not in UPSTREAM_COUNTS}

    def tell(self, happened: str, holding: Body, request: Body | None = None) -> None:
        """Counts an event as `assignments` carries it, under what the order is, or until now was, held."""
        event = {
            "type": happened,
            "shop_id": self.key[0],
            "order_id": self.key[1],
            "sequence": self.sequence + 1,
            "holder": "threepl" if self.holding else "shop",
            "stage": self.stage,
            **holding,
            "request": request,
            "order": self.body,
        }
        self.events.append(event)

    def ask(self, kind: str) -> None:
        """Its shop asks something of its 3PL."""
        assert self.holding
        self.requests.add(kind)
        self.tell("updated", self.holding, {"kind": kind, "status": "open"})

    def end(self, kind: str, status: str) -> None:
        """What was asked ends, and the order stays with its 3PL."""
        assert self.holding
        self.requests.discard(kind)
        self.overdue.discard(kind)
        self.tell("updated", self.holding, {"kind": kind, "status": status})

    def give_back(self, request: Body | None = None) -> None:
        """It is its shop's again."""
        holding, self.holding = self.holding, None
        assert holding
        self.tell("released", holding, request)

    def row(self) -> Body:
        """How it lies in the database."""
        nothing = dict.fromkeys(("link_id", "threepl_id", "epoch", "settings", "settings_version"))
        return {
            "version": self.version,
            "document": self.body,
            "stage": self.stage,
            "decision": self.decision,
            **(self.holding or nothing),
            "requests": sorted(self.requests),
            "consignment": self.consignment,
            "sequence": self.sequence,
        }

    def state(self) -> Body:
        """What whoever acted on it is answered."""
        holding = self.holding or {}
        return {
            "shop_id": self.key[0],
            "order_id": self.key[1],
            "number": self.body["number"],
            "stage": self.stage,
            "holder": "threepl" if self.holding else "shop",
            "threepl_id": holding.get("threepl_id"),
            "link_id": holding.get("link_id"),
            "requests": sorted(self.requests),
            "consignment": self.consignment,
            "sequence": self.sequence,
        }

    def summary(self, kind: str) -> Body:
        """What an account of this kind that sees it reads; a webhook URL is its 3PL's own."""
        hidden = {"webhook_url": None} if kind == "shop" else {}
        settings = {**self.holding["settings"], **hidden} if self.holding else None
        return {**self.state(), "settings": settings}

    def detail(self, kind: str) -> Body:
        """The same with its document and its decision, of which a 3PL reads only its own link's part."""
        decision = self.decision
        if decision and kind == "threepl" and self.holding:
            own = {self.holding["link_id"]}
            chosen = decision["link_id"] if decision["link_id"] in own else None
            decision = {"link_id": chosen, "considered": sorted(own & {*decision["considered"]})}
        return {**self.summary(kind), "order": self.body, "decision": decision}


def decision_of(decision: Body | None) -> Body | None:
    """A decision as told, without the reasons."""
    if decision is None:
        return None
    considered = sorted(verdict["link_id"] for verdict in decision["verdicts"])
    return {"link_id": decision["link_id"], "considered": considered}
