"""What a hot door is, and how whatever goes wrong in one becomes an answer."""

import asyncio
from typing import Protocol

import structlog

from officium.core.tenancy.caller import Caller, Scope, require
from officium.kit.database import DatabaseUnavailable
from officium.kit.errors import OfficiumError, ServiceUnavailable
from officium.web.caller import Authenticator, identify
from officium.web.errors import CLIENT_HUNG_UP, InternalError, retry_headers, status_of
from officium.web.exchange import ClientGone, Exchange

_log = structlog.get_logger()


class Door(Protocol):
    """Serves one path and method."""

    async def serve(self, exchange: Exchange) -> None:
        """Answer. Any error may be raised as long as the answer has not begun."""
        ...

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The JSON body of an error, in the shape the door's SDK understands."""
        ...


async def admit(authenticator: Authenticator, exchange: Exchange, scope: Scope) -> Caller:
    """Who asks, if they may and not too often; nothing of the request but its head is read before.

    Raises NotAuthenticated, RateLimited and PermissionDenied.
    """
    caller = await identify(authenticator, exchange.headers)
    exchange.tenant = caller.tenant_id
    if exchange.gate is not None:
        await exchange.gate.admit(caller, exchange.announce, exchange.be_patient)
    require(caller, scope)
    return caller


async def pass_through(door: Door, exchange: Exchange) -> None:
    """Let the door serve the exchange, and answer for it when it raises.

    Raises only CancelledError, when the server itself is being stopped.
    """
    try:
        await door.serve(exchange)
    except asyncio.CancelledError:
        if not exchange.client_is_gone:
            await _refuse(door, exchange, shutting_down())
            raise
        _note_hangup(exchange)
    except ClientGone:
        _note_hangup(exchange)
    except OfficiumError as error:
        await _refuse(door, exchange, presentable(error, exchange.request_id))
    except Exception as error:
        report(error, exchange.request_id)
        await _refuse(door, exchange, InternalError())
    finally:
        exchange.stop_watching()


def shutting_down() -> ServiceUnavailable:
    """What a request is told that a stopping server did not wait for."""
    return ServiceUnavailable("The server is shutting down. Try again in a moment.", retry_after_s=1)


def presentable(error: OfficiumError, request_id: str) -> OfficiumError:
    """The error as a client is told it. Where our database is, and what it said, is for the log alone."""
    if not isinstance(error, DatabaseUnavailable):
        return error
    _log.error("database.unavailable", request_id=request_id, reason=error.message)
    return DatabaseUnavailable("The server cannot reach its database. Try again in a moment.")


def report(error: BaseException, request_id: str) -> None:
    """Log an error that nobody meant to raise, whole."""
    _log.error("request.failed", request_id=request_id, exc_info=error)


def _note_hangup(exchange: Exchange) -> None:
    exchange.status = CLIENT_HUNG_UP
    exchange.error = "client_hung_up"
    if task := asyncio.current_task():
        task.uncancel()


async def _refuse(door: Door, exchange: Exchange, error: OfficiumError) -> None:
    exchange.error = error.code
    if exchange.is_started:
        return
    status = status_of(error)
    headers = retry_headers(error, status)
    if status in (408, 413):
        headers.append((b"connection", b"close"))
    await exchange.respond(status, door.render_error(error, status, exchange.request_id), headers)
