"""Every text in each language: complete, escaped where it is HTML, and never another's markup."""

from datetime import timedelta
from email import message_from_bytes, policy
from itertools import product
from typing import Any, get_args

import pytest

from integration import mail_texts
from integration.languages import Language
from integration.mail_texts import Text
from integration.mails import WAITS, Mail, WaitingMail
from integration.smtp import SmtpServer, message

EVIL = "<script>alert(1)</script> & Söhne"
URL = "https://console.example/invitations#token_1"
FACTS: dict[str, Any] = {
    "inviter": EVIL,
    "inviter_id": "S-7F3K-9QX6",
    "kind": "threepl",
    "name": EVIL,
    "account": EVIL,
    "account_id": "T-7F3K-9QX6",
    "url": URL,
    "until": "2026-11-26 12:00 UTC",
    "host": "hooks.example.com",
    "link_id": "link-1",
    "reason": EVIL,
}
ALL: list[tuple[Text, Language]] = list(product(get_args(Text), get_args(Language)))


@pytest.mark.parametrize(("text", "language"), ALL)
def test_every_text_is_there_in_each_language_as_plain_text_and_html(text: Text, language: Language) -> None:
    mail = mail_texts.write(text, language, "mail-1", "ada@example.com", **FACTS)
    assert 5 < len(mail.subject) < 200
    assert "\n" not in mail.subject
    assert "{" not in mail.text + mail.html
    assert f'lang="{language}"' in mail.html
    assert EVIL in mail.text
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html
    if not text.startswith("endpoint"):
        assert f"\n\n{URL}\n\n" in mail.text
        assert f'<a href="{URL}"' in mail.html


def test_the_two_kinds_of_invitation_say_who_fulfils_for_whom() -> None:
    shop, threepl = (
        mail_texts.write("invitation", "en", "1", "a@b.example", **{**FACTS, "kind": kind}).text
        for kind in ("shop", "threepl")
    )
    assert "a logistics provider, would like to fulfil" in shop
    assert "an online shop, would like you to fulfil" in threepl


def test_a_mail_travels_with_a_stable_id_and_both_its_parts() -> None:
    mail = Mail("mail-1", "ada@example.com", "Grüße", "Text ü\n", "<p>Text ü</p>")
    whole = message_from_bytes(
        bytes(message(mail, "Orderdock <no-reply@example.com>")), policy=policy.default
    )
    assert (whole["Message-ID"], whole["Subject"]) == ("<mail-1@example.com>", "Grüße")
    plain, html = whole.get_body(("plain",)), whole.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert (plain.get_content().strip(), html.get_content().strip()) == ("Text ü", "<p>Text ü</p>")


def test_a_mails_content_is_read_as_it_was_kept() -> None:
    mail = Mail("mail-1", "ada@example.com", "Grüße", "Text", "<p>")
    assert Mail.read("mail-1", "ada@example.com", mail.content()) == mail


def test_a_mail_is_tried_eight_times_with_growing_waits() -> None:
    waits = [WaitingMail("1", "a@b.example", b"", None, attempts).wait() for attempts in range(1, 9)]
    assert waits == [*WAITS, None]
    assert (waits[0], waits[-2]) == (timedelta(minutes=1), timedelta(days=1))


def test_a_mail_servers_url_is_read_or_refused() -> None:
    server = SmtpServer.at("smtps://ada%40x:p%3Aw@mail.example.com")
    assert (server.scheme, server.host, server.port) == ("smtps", "mail.example.com", 465)
    assert (server.user, server.password) == ("ada@x", "p:w")
    assert SmtpServer.at("smtp://127.0.0.1:2525").port == 2525
    assert "p:w" not in repr(server)
    for wrong in ("", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://host:port"):
        with pytest.raises(ValueError, match=r"smtp://host:port|Port could not be cast"):
            SmtpServer.at(wrong)
