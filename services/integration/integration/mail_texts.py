"""What Orderdock writes to people: every text in each language, in plain text and in HTML."""

from datetime import datetime
from functools import cache
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from integration.languages import Language
from integration.mails import Mail

Text = Literal["invitation", "welcome", "password-reset", "endpoint-warned", "endpoint-disabled"]


def write(
    text: Text,
    language: Language,
    mail_id: str,
    recipient: str,
    *,
    useful_until: datetime | None = None,
    **facts: Any,
) -> Mail:
    """The mail that tells these facts.

    A text's file holds the subject, a blank line, and paragraphs. The HTML is made of the same paragraphs:
    one that is an address becomes a link, and whatever a person named is escaped.
    """
    whole = _texts().get_template(f"{language}/{text}.txt").render(facts)
    subject, _, body = whole.partition("\n")
    paragraphs = [" ".join(part.split()) for part in body.split("\n\n") if part.strip()]
    html = (
        _layout()
        .get_template("layout.html")
        .render(subject=subject, paragraphs=paragraphs, language=language)
    )
    return Mail(mail_id, recipient, subject.strip(), "\n\n".join(paragraphs) + "\n", html, useful_until)


@cache
def _texts() -> Environment:
    # Plain text: nothing to escape.
    return Environment(loader=PackageLoader("integration", "texts"), undefined=StrictUndefined)  # noqa: S701


@cache
def _layout() -> Environment:
    return Environment(
        loader=PackageLoader("integration", "texts"), undefined=StrictUndefined, autoescape=True
    )
