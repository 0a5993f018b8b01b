"""The page of the mailbox: lists the mails, shows one as text, and gives the list to programs."""

import asyncio
from html import escape
from itertools import islice
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from deploy.local import mail
from deploy.local.mail import Mail
from deploy.local.ports import LOOPBACK

LISTED = 200
FOLDER = web.AppKey("folder", Path)
# A mail's links let in whoever reads them: no other page may frame, load or remember one.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}


def mail_page(folder: Path) -> web.Application:
    """Serves the newest `LISTED` mails of the folder."""
    app = web.Application(middlewares=[_refuse_other_hosts])
    app.on_response_prepare.append(_add_headers)
    app[FOLDER] = folder
    app.router.add_get("/", _list)
    app.router.add_get("/mails.json", _list_for_programs)
    app.router.add_get("/mails/{id}", _show)
    return app


@web.middleware
async def _refuse_other_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Another site's name that leads here (DNS rebinding) would let its scripts read the mails."""
    if request.headers.get("Host", "").partition(":")[0] not in (LOOPBACK, "localhost"):
        raise web.HTTPMisdirectedRequest(text=f"This page is at {LOOPBACK} only.")
    return await handler(request)


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


async def _list(request: web.Request) -> web.Response:
    rows = "".join(map(_row, await _newest(request)))
    head = "<tr><th>time (UTC)<th>to<th>subject"
    return _document("Mail", f"<table>{head}{rows}</table>" if rows else "<p>No mail was caught.")


async def _list_for_programs(request: web.Request) -> web.Response:
    found = await _newest(request, request.query.get("to", ""))
    return web.json_response([each.as_json() for each in found])


async def _show(request: web.Request) -> web.Response:
    found = await asyncio.to_thread(mail.find, request.app[FOLDER], request.match_info["id"])
    if found is None:
        raise web.HTTPNotFound(text="There is no such mail.")
    return _document(found.subject or "Mail", f"<pre>{escape(found.as_text())}</pre>")


async def _newest(request: web.Request, to: str = "") -> list[Mail]:
    return await asyncio.to_thread(lambda: list(islice(mail.read(request.app[FOLDER], to), LISTED)))


def _row(each: Mail) -> str:
    subject = f'<a href="/mails/{each.id}">{escape(each.subject or "(none)")}</a>'
    return f"<tr><td>{each.at:%Y-%m-%d %H:%M:%S}<td>{escape(', '.join(each.to))}<td>{subject}"


def _document(title: str, body: str) -> web.Response:
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
    return web.Response(text=f"{head}<h1>{escape(title)}</h1>{body}", content_type="text/html")
