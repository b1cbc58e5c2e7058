"""Serving the page on this machine until it is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from infoloom.errors import InfoloomError

__all__ = ["ADDRESS", "bind", "serve"]

ADDRESS: Final = "127.0.0.1"
PATIENCE: Final = 2
HEAD_PATIENCE: Final = 10.0


def bind(port: int = 0) -> socket.socket:
    """A socket on the loopback address; port 0 is a free one.

    Raises:
        InfoloomError: The port is taken or not allowed.
    """
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((ADDRESS, port))
    except (OSError, OverflowError) as error:
        bound.close()
        why = getattr(error, "strerror", None) or error
        raise InfoloomError(f"port `{port}`: cannot be used ({why}). Leave it out for a free one.") from error
    return bound


def serve(app: ASGIApp, bound: socket.socket, announce: Callable[[str], None]) -> None:
    """Answer requests until Ctrl-C or a termination signal.

    Args:
        app: The application.
        bound: Where it listens; closed at the end.
        announce: Called with the address once the page can be opened.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        ws="none",
        server_header=False,
        http=_Impatient,
        timeout_graceful_shutdown=PATIENCE,
    )
    server = _Announcing(config, announce, f"http://{ADDRESS}:{bound.getsockname()[1]}/")
    with contextlib.closing(bound), contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[bound])


class _Impatient(H11Protocol):
    """Closes a connection whose head of a request does not come to its end; uvicorn would wait for ever."""

    patience: float = HEAD_PATIENCE
    late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """From the first byte of a head until its last; what follows is watched by the guard and by uvicorn."""
        waiting = self.conn.their_state is h11.IDLE and (
            self.cycle is None or bool(self.conn.trailing_data[0])
        )
        if not waiting:
            self._forget()
        elif self.late is None:
            self.late = self.loop.call_later(self.patience, self.transport.close)

    def _forget(self) -> None:
        if self.late is not None:
            self.late.cancel()
            self.late = None


class _Announcing(uvicorn.Server):
    """Tells where it listens as soon as it does."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[str], None], address: str) -> None:
        super().__init__(config)
        self.announce, self.address = announce, address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.announce(self.address)
