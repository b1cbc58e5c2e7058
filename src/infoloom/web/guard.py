"""Who may talk to the page: this machine, under its own name, with requests of bounded size."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MAX_BODY", "Guard"]

MAX_BODY: Final = 3 * 2**20
PATIENCE: Final = 10.0
_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Refuses what does not come from the page itself, before anything of it is read.

    A name other than the machine's own in `Host` means that a stranger's name was bound to this machine's address (DNS
    rebinding); an `Origin` or `Sec-Fetch-Site` of another page means that this page's reader was sent here by it.

    Args:
        app: What answers the others.
        names: Host names, without a port, that the page is reached by.
        patience: Seconds for the whole body to come.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = _NAMES, patience: float = PATIENCE) -> None:
        self.app, self.names, self.patience = app, names, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refused(scope["method"], headers)
        if refused is not None:
            await refused(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.patience):
                body = await _read(receive) if scope["method"] == "POST" else b""
        except TimeoutError:
            await _too_late()(scope, receive, send)
            return
        if body is None:
            await _too_large()(scope, receive, send)
            return
        await self.app(scope, _given(body, receive), _guarded(send))

    def _refused(self, method: str, headers: dict[str, str]) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if host.rpartition(":")[0] not in self.names and host not in self.names:
            text = f"host `{host[:100]}`: expected 127.0.0.1 or localhost, because the page is for this machine only.\n"
            return PlainTextResponse(text, 421)
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if foreign or (origin is not None and origin != f"http://{host}"):
            return PlainTextResponse("expected a request of the page itself, got another site's.\n", 403)
        if method == "POST" and headers.get("content-type", "").partition(";")[0] != "application/json":
            return PlainTextResponse("expected `Content-Type: application/json`.\n", 415)
        length = headers.get("content-length", "0")
        return _too_large() if not length.isdecimal() or int(length) > MAX_BODY else None


def _too_large() -> PlainTextResponse:
    return PlainTextResponse(f"expected a request of at most {MAX_BODY:,} bytes.\n", 413)


def _too_late() -> PlainTextResponse:
    return PlainTextResponse("expected the whole request in time.\n", 408, headers={"connection": "close"})


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None as soon as it is too long, whatever its length was said to be."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _given(body: bytes, receive: Receive) -> Receive:
    """A stream that gives a body that was read already, and then what comes after it."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return parts.pop() if parts else await receive()

    return given


def _guarded(send: Send) -> Send:
    """Answers with the headers that keep other pages out and this one's scripts in."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_HEADERS]
        await send(message)

    return guarded
