"""Runs the portal: several processes that share a listening socket and nothing else, each with the whole application.

Granian, and not uvicorn: it ends connections whose headers do not come in time, idle ones too, and waits for a client that reads
slowly, so that `answers.Pieces` notices. What no server sees is a client that reads nothing of what is on its way already: the
kernel ends those (TCP_USER_TIMEOUT), for which the socket is ours.
"""

import ctypes
import logging
import os
import resource
import socket
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from guatecompras.errors import GuatecomprasError
from portal.http.metrics import Counting, exposing
from portal.settings import Settings

# Of glibc's malloc.h.
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
# Connections that a process holds, idle ones too; more wait in the backlog.
_CONNECTIONS, _BACKLOG = 1000, 1024
# A connection each, and a file or the way to the store for some.
_OPEN_FILES = 4096
# Addresses of 8 kB and headers of 32 kB are ours to refuse, with reasons; far longer ones, the server refuses bare.
_BUFFER = 64 << 10

_log = logging.getLogger(__name__)

# Everything that is told of what goes on is on the one output; the access log has the other for itself.
_LOGGING: dict[str, Any] = {
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"}},
    "handlers": {"told": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "loggers": {"_granian": {"handlers": ["told"], "level": "WARNING", "propagate": False}},
    "root": {"handlers": ["told"], "level": "INFO"},
}


class _Server(MPServer):
    """Granian's server over a socket of ours."""

    def __init__(self, listening: socket.socket, **options: Any) -> None:
        super().__init__(**options)
        self._listening = listening

    def _init_shared_socket(self) -> None:
        descriptor = self._listening.fileno()
        holder: Any = SocketHolder(descriptor, False, self.backlog)  # type: ignore[call-arg] # its stub is behind
        vars(self).update(_ssp=None, _sso=self._listening, _sfd=descriptor, _shd=holder)


def serve(
    settings: Settings,
    host: str,
    port: int,
    workers: int,
    told: Callable[[str], None] = print,
    metrics: tuple[str, int] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way. Port 0: any that is free. `told`: called with the address;
    `metrics`: where what is counted of requests is shown, None where nothing is.

    Without a public address of its own, what is served on this machine alone names itself by where it is. Raises
    GuatecomprasError when the address cannot be had.
    """
    _allow_files()
    listening = _listen(host, port, settings.stall_seconds)
    address = _address(host, listening.getsockname()[1])
    if not os.environ.get("GUATECOMPRAS_BASE_URL") and _is_loopback(host):
        settings = replace(settings, base_url=address)
    server = _Server(
        listening,
        target="portal.app:create_app",
        address=host,
        port=listening.getsockname()[1],
        interface=Interfaces.ASGI,
        workers=workers,
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=settings.header_seconds * 1000, max_buffer_size=_BUFFER),
        workers_kill_timeout=settings.stop_seconds,
        respawn_failed_workers=True,
        log_dictconfig=_LOGGING,
    )
    with exposing(*metrics, lambda shown: told(f"metrics at {shown}")) if metrics else nullcontext():
        told(address)
        server.serve(target_loader=partial(_application, settings, counted=metrics is not None), wrap_loader=False)


def _application(settings: Settings, counted: bool) -> Any:
    """In the process that answers: what it loads is its own."""
    _give_back_memory()
    from portal.app import create_app  # noqa: PLC0415 # in each process, after it has been started

    return create_app(settings, counted=Counting() if counted else None)


def _give_back_memory() -> None:
    """What a request held goes back to the system: by itself, each thread's allocator would keep it (700 MB more under load)."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_ARENA_MAX, 2)
        libc.mallopt(_MMAP_THRESHOLD, 1 << 20)


def _listen(host: str, port: int, stall_seconds: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise GuatecomprasError(f"cannot listen at {_address(host, port)}: {error}") from error
    # What is accepted has it from here: a client that takes nothing for so long is left.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stall_seconds * 1000)
    listening.setblocking(False)
    listening.set_inheritable(True)
    return listening


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
