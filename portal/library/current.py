"""The library of what is public now, renewed beside those who read: nobody waits for a new edition, but at the start."""

import gc
import logging
import threading

import pyarrow as pa

from guatecompras.errors import GuatecomprasError
from portal.library.library import Library
from portal.publication import Edition, Publication

_log = logging.getLogger(__name__)


class Current:
    """Gives the newest library that is ready, one object a process. Threads may share it."""

    def __init__(self, publication: Publication, base_url: str) -> None:
        self._publication, self._base_url = publication, base_url
        self._turn = threading.Lock()
        self._now: tuple[Edition, Library] | None = None
        self._failed = ""

    def __call__(self) -> Library:
        """Raises GuatecomprasError where none could be opened yet."""
        return self.both()[1]

    def both(self) -> tuple[Edition, Library]:
        """The library and the edition that it is of."""
        edition = self._publication.now()
        if self._now is None:
            with self._turn:
                if self._now is None:
                    self._now = self._opened(edition)
                    threading.Thread(target=self._warm, args=(self._now[1],), name="warm", daemon=True).start()
        elif self._now[0].etag != edition.etag != self._failed and self._turn.acquire(blocking=False):
            threading.Thread(target=self._renew, args=(edition,), name="library", daemon=True).start()
        return self._now

    def _opened(self, edition: Edition) -> tuple[Edition, Library]:
        earlier = self._now[1] if self._now else None
        return edition, Library(edition, self._publication.cache, self._base_url, earlier)

    @staticmethod
    def _warm(library: Library) -> None:
        library.warm()
        # What is kept as long as the library is looked at no more when garbage is collected, which stops all who answer.
        gc.collect()
        gc.freeze()

    def _renew(self, edition: Edition) -> None:
        try:
            made = self._opened(edition)
            self._warm(made[1])
            self._now = made
        except (GuatecomprasError, OSError, pa.ArrowException):
            # What was public before goes on; the next edition is tried again.
            self._failed = edition.etag
            _log.exception("the library cannot be opened anew")
        finally:
            self._turn.release()
