"""What time does to invitations, sessions, rate limits and signing keys."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from integration import invitations
from integration.invitations import Invitation, State
from integration.rate_limits import RateLimit, require_room
from integration.sessions import RefreshToken, judge
from integration.signing_keys import SigningKey, signer, succession
from shared.errors import Problem
from tests.builders import NOW, SHOP

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SENT = invitations.sent("i-1", "link-1", SHOP, "threepl", "a@b.example", "en", NOW)


def refused(call: Callable[[], object]) -> str | None:
    """The kind of problem that the call raises, if it does."""
    try:
        call()
    except Problem as problem:
        return problem.kind
    return None


def in_state(state: State) -> Invitation:
    return SENT.model_copy(update={"state": state})


INVITATIONS = [
    # state, hours later, accept, decline, resend, withdraw
    ("open", 71, "accepted", "declined", "open", "withdrawn"),
    ("open", 72, None, None, "open", "withdrawn"),
    ("accepted", 1, None, None, None, None),
    ("declined", 1, None, None, None, None),
    ("withdrawn", 1, None, None, None, None),
]


@pytest.mark.parametrize(("state", "hours", "accept", "decline", "resend", "withdraw"), INVITATIONS)
def test_what_becomes_of_an_invitation(
    state: State,
    hours: int,
    accept: str | None,
    decline: str | None,
    resend: str | None,
    withdraw: str | None,
) -> None:
    before, at = in_state(state), NOW + hours * HOUR
    acts: dict[str, tuple[Callable[[], Invitation], str | None]] = {
        "accept": (lambda: invitations.accepted(before, "link-2", at), accept),
        "decline": (lambda: invitations.declined(before, at), decline),
        "resend": (lambda: invitations.resent(before, at), resend),
        "withdraw": (lambda: invitations.withdrawn(before, at), withdraw),
    }
    for name, (act, wanted) in acts.items():
        if wanted is None:
            assert refused(act) == "invitation-ended", name
        else:
            after = act()
            assert after.state == wanted, name
            assert after.ended_at == (None if wanted == "open" else at), name


def test_an_invitation_counts_for_72_hours_after_it_was_sent_last() -> None:
    assert invitations.status(SENT, NOW + 71 * HOUR) == "open"
    assert invitations.status(SENT, NOW + 72 * HOUR) == "expired"
    again = invitations.resent(SENT, NOW + 100 * HOUR)
    assert invitations.status(again, NOW + 171 * HOUR) == "open"
    assert invitations.accepted(again, "link-2", NOW + 171 * HOUR).link_id == "link-2"


REFRESHES = [
    # used, token expires, session expires, session ended, verdict
    (False, 1, 1, False, "refreshed"),
    (True, 1, 1, False, "reused"),
    (True, -1, 1, False, "reused"),
    (False, -1, 1, False, "over"),
    (False, 0, 1, False, "over"),
    (False, 1, 0, False, "over"),
    (True, 1, 0, False, "over"),
    (False, 1, 1, True, "over"),
    (True, 1, 1, True, "over"),
]


@pytest.mark.parametrize(("used", "expires", "session_expires", "ended", "verdict"), REFRESHES)
def test_what_a_refresh_token_means(
    used: bool, expires: int, session_expires: int, ended: bool, verdict: str
) -> None:
    token = RefreshToken(
        token_hash=b"",
        session_id="session_1",
        person_id="person_1",
        expires_at=NOW + expires * HOUR,
        used_at=NOW - HOUR if used else None,
        session_expires_at=NOW + session_expires * HOUR,
        session_ended_at=NOW - HOUR if ended else None,
    )
    assert judge(token, NOW) == verdict


def test_a_rate_limit_refuses_the_first_try_too_many_until_its_window_ends() -> None:
    limit = RateLimit("signing-in", "sign-ins", 3, timedelta(minutes=15))
    at = NOW + 7 * MINUTE
    assert limit.window_start(at) == NOW
    assert limit.window_start(NOW + 15 * MINUTE) == NOW + 15 * MINUTE
    require_room(limit, 3, at)
    with pytest.raises(Problem, match=r"Too many sign-ins; try again in 480 s\.") as problem:
        require_room(limit, 4, at)
    assert (problem.value.status, problem.value.extra) == (429, {"retry_after": 480})
    require_room(limit.times(10), 30, at)
    assert refused(lambda: require_room(limit.times(10), 31, at)) == "too-many-requests"


def test_a_signing_key_is_followed_without_a_moment_in_which_none_signs_or_one_is_unknown() -> None:
    life = 24 * HOUR
    keys = [SigningKey("first", bytes(32), NOW, NOW)]
    assert succession(keys, life, NOW + 23 * HOUR, "x", bytes(32)) is None
    assert succession([], life, NOW, "x", bytes(32)) is None
    follow = succession(keys, life, NOW + life, "second", bytes(32))
    assert follow is not None
    ended, follower = follow
    assert succession([ended, follower], life, NOW + life + MINUTE, "x", bytes(32)) is None
    for minutes in range(0, 60):
        at = NOW + life + minutes * MINUTE
        signing = signer([ended, follower], at)
        assert signing is not None
        assert signing.kid == ("first" if minutes < 15 else "second")
        # Whoever reads the keys every 5 minutes knows the one that signs, and for as long as its tokens live.
        assert signing.is_published(at - 10 * MINUTE) or signing.kid == "first"
        assert signing.is_published(at + 15 * MINUTE)
    assert not ended.is_published(NOW + life + 35 * MINUTE)
