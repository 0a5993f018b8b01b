"""An invitation: an e-mail in place of the account that is not there yet, and a one-time token (DESIGN 2.2).

| state     | accept, attach | decline  | resend    | withdraw  |
| --------- | -------------- | -------- | --------- | --------- |
| open      | accepted       | declined | open, anew | withdrawn |
| expired   | refused        | refused  | open, anew | withdrawn |
| accepted, declined, withdrawn | refused | refused | refused | refused |

Who comes with a token that is refused is told `invitation-ended`, whatever ended it.
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from integration.languages import Language
from shared.contracts.links import Side
from shared.errors import Problem

TOKEN_PREFIX = "invitation_"  # noqa: S105 -- what every token begins with
LIFETIME = timedelta(hours=72)

State = Literal["open", "accepted", "declined", "withdrawn"]
Status = Literal["open", "expired", "accepted", "declined", "withdrawn"]


class Invitation(BaseModel):
    """An invitation as its sender sees it; `kind` is the side that is invited.

    Accepted, its `link_id` is the link that it ended on.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    link_id: str
    inviter_id: str
    kind: Side
    email: str
    language: Language
    state: State
    created_at: datetime
    sent_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None


class InvitationSeen(Invitation):
    """An invitation at a moment, with its `status` then."""

    status: Status


def seen(invitation: Invitation, now: datetime) -> InvitationSeen:
    """The invitation as it stands now."""
    return InvitationSeen(**dict(invitation), status=status(invitation, now))


def status(invitation: Invitation, now: datetime) -> Status:
    """Its state, or `expired` once an open one's time is over."""
    return "expired" if invitation.state == "open" and invitation.expires_at <= now else invitation.state


def sent(
    invitation_id: str,
    link_id: str,
    inviter_id: str,
    kind: Side,
    email: str,
    language: Language,
    now: datetime,
) -> Invitation:
    """A new invitation, good for 72 hours."""
    return Invitation(
        id=invitation_id,
        link_id=link_id,
        inviter_id=inviter_id,
        kind=kind,
        email=email,
        language=language,
        state="open",
        created_at=now,
        sent_at=now,
        expires_at=now + LIFETIME,
    )


def resent(invitation: Invitation, now: datetime) -> Invitation:
    """The invitation under a new token, its 72 hours begun anew; raises `invitation-ended`."""
    if invitation.state != "open":
        raise ended()
    return invitation.model_copy(update={"sent_at": now, "expires_at": now + LIFETIME})


def accepted(invitation: Invitation, link_id: str, now: datetime) -> Invitation:
    """The invitation ended on its own link, or on one the pair had by then; raises `invitation-ended`."""
    return _ended(_redeemed(invitation, now), "accepted", now).model_copy(update={"link_id": link_id})


def declined(invitation: Invitation, now: datetime) -> Invitation:
    """The invitation ended by whom it invited; raises `invitation-ended`."""
    return _ended(_redeemed(invitation, now), "declined", now)


def withdrawn(invitation: Invitation, now: datetime) -> Invitation:
    """The invitation ended from the inviter's side; raises `invitation-ended`."""
    if invitation.state != "open":
        raise ended()
    return _ended(invitation, "withdrawn", now)


def ended() -> Problem:
    """The same words whatever ended it: the token may have been guessed."""
    return Problem(
        409,
        "invitation-ended",
        "This invitation was accepted, declined or withdrawn, or its 72 hours are over, or it was sent again "
        "and only the newest mail counts.",
    )


def _redeemed(invitation: Invitation, now: datetime) -> Invitation:
    if status(invitation, now) != "open":
        raise ended()
    return invitation


def _ended(invitation: Invitation, state: State, now: datetime) -> Invitation:
    return invitation.model_copy(update={"state": state, "ended_at": now})
