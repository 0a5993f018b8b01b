"""What nobody must see: asked for at a terminal without an echo, else read from stdin line by line."""

import sys

import typer

from deploy.local.errors import PlatformError


def invitation_token() -> str:
    """The token of an invitation; the whole address out of its mail does as well."""
    return _asked("Token of the invitation, or the address in its mail", twice=False).rpartition("#")[2]


def new_password() -> str:
    """A password that is chosen now; on stdin it is the line after the token."""
    return _asked("Password to choose", twice=True)


def _asked(what: str, *, twice: bool) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, confirmation_prompt=twice, err=True))
    line = sys.stdin.readline().strip("\r\n")
    if not line:
        raise PlatformError(
            "Something is missing on stdin: its first line is the token of the invitation, its second, for "
            "`accept` alone, the password to choose."
        )
    return line
