"""An S3 server (moto's), as a process of its own: prints its port, then serves until it is killed.

It is given the one promise that a real one keeps and moto does not: a conditional put is judged and carried out in one.
"""

import threading
from collections.abc import Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

_application = DomainDispatcherApplication(create_backend_app)
_turn = threading.Lock()


def _one_put_at_a_time(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] != "PUT":
        return _application(environ, start_response)
    with _turn:
        return _application(environ, start_response)


class _Quiet(MotoRequestHandler):
    def log(self, *_: object) -> None:
        """Nobody reads it."""


if __name__ == "__main__":
    _server = make_server("127.0.0.1", 0, _one_put_at_a_time, threaded=True, request_handler=_Quiet)
    print(_server.port, flush=True)
    _server.serve_forever()
