"""The small pure parts: text, e-mails, ids, cursors, secrets, the history's lines, the key that signs."""

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from integration import api_keys, history
from integration.accounts import Email, Name, symbols
from integration.history import Actor
from integration.signing_keys import SigningKey, signer
from shared import pages
from shared.contracts.identifiers import ALPHABET, SYMBOLS
from shared.contracts.links import OpenSetting, Settings
from shared.contracts.plain_text import plain
from shared.errors import Problem
from tests.builders import NOW, own_link


@pytest.mark.parametrize(
    "bad",
    [
        "a\u2028b",
        "a\u200fb",
        "\u061c",
        "a\x00b",
        "a\nb",
        "\x7f",
        "\x85",
        "\u202e",
        "\u2066",
        "a\u202ab",
        "\u2069",
    ],
)
def test_text_that_controls_or_reorders_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"U\+"):
        plain(bad)


@pytest.mark.parametrize("good", ["Müller & Söhne", "שלום", "مرحبا", "日本", "a b"])
def test_text_of_any_language_is_taken(good: str) -> None:
    assert TypeAdapter(Name).validate_python(f" {good} ") == good


@pytest.mark.parametrize("bad", ["", " ", "--", "\u200b\u200b", "…"])
def test_a_name_holds_something_to_read(bad: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(bad)


def test_an_email_is_lower_cased_and_must_look_like_one() -> None:
    emails = TypeAdapter[str](Email)
    assert emails.validate_python(" Ada@Example.COM ") == "ada@example.com"
    assert emails.validate_python("ada@bücher.example") == "ada@xn--bcher-kva.example"
    for bad in (
        "x,victim@y.example",
        "x<v@y.z",
        "a(@b.c",
        "a@b..c",
        "ä@example.com",
        "a@localhost",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "a@b@c.de",
        "ada@example",
        "x" * 65 + "@y.de",
    ):
        with pytest.raises(ValidationError):
            emails.validate_python(bad)


@given(st.integers(0, len(ALPHABET) ** SYMBOLS - 1), st.integers(0, len(ALPHABET) ** SYMBOLS - 1))
def test_each_chance_gives_symbols_of_its_own(one: int, other: int) -> None:
    assert len(symbols(one)) == SYMBOLS
    assert (symbols(one) == symbols(other)) == (one == other)


def test_a_cursor_is_read_as_it_was_written_and_any_other_refused() -> None:
    assert pages.read(pages.write(NOW, "link-1")) == pages.Place(NOW, "link-1")
    assert pages.read(None) == pages.START
    for bad in ("x", "ä", "", "!!!!", base64.urlsafe_b64encode(b"yesterday link-1").decode()):
        with pytest.raises(Problem, match="next_cursor"):
            pages.read(bad)


def test_a_page_ends_with_a_cursor_only_if_more_follows() -> None:
    assert pages.cut([3, 2, 1], 2, str) == ([3, 2], "2")
    assert pages.cut([3, 2], 2, str) == ([3, 2], None)
    assert pages.cut([], 2, str) == ([], None)


def test_a_secret_matches_only_its_own_hash() -> None:
    key = api_keys.issue("S-1", "till", ["write", "read", "read"], bytes(range(40)), NOW)
    assert (key.id, key.scopes, key.roles) == ("key_0001020304050607", ("read", "write"), ("administrator",))
    assert api_keys.matches(key.secret, api_keys.hashed(key.secret))
    assert not api_keys.matches(key.secret + "x", api_keys.hashed(key.secret))
    assert not api_keys.matches(key.secret, None)


def test_history_says_from_what_to_what_by_field() -> None:
    before = own_link()
    after = own_link(
        version=2,
        settings=Settings(charge_to="shop"),
        open_settings={"charge_to": OpenSetting(value="shop", version=2)},
    )
    line = history.line(before, after, "change_settings", Actor(who="T-1", by="key_1"))
    assert (line.version, line.who, line.by, line.at) == (2, "T-1", "key_1", NOW)
    assert line.model_dump()["changes"] == {
        "settings.charge_to": {"from": "threepl", "to": "shop"},
        "open_settings.charge_to": {"from": None, "to": {"value": "shop", "version": 2}},
    }


def test_the_newest_key_whose_time_it_is_signs() -> None:
    hour = timedelta(hours=1)
    old = SigningKey("old", bytes(32), NOW - hour, NOW - hour, signs_until=NOW + hour)
    new = SigningKey("new", bytes(32), NOW, NOW + hour / 4)
    assert signer([old, new], NOW) == old
    assert signer([old, new], NOW + hour / 2) == new
    assert signer([old], NOW + hour) is None
    assert signer([], NOW) is None


def test_a_key_is_published_from_before_it_signs_until_after() -> None:
    minute = timedelta(minutes=1)
    key = SigningKey(
        "k",
        bytes(32),
        NOW,
        NOW + 15 * minute,
        signs_until=NOW + 30 * minute,
        published_until=NOW + 50 * minute,
    )
    times = [NOW + number * minute for number in (-1, 0, 14, 15, 29, 30, 49, 50)]
    assert [key.is_published(at) for at in times] == [False, True, True, True, True, True, True, False]
    assert [key.signs(at) for at in times] == [False, False, False, True, True, False, False, False]
