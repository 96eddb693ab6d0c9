"""The rows of the nine tables out of PostgreSQL with COPY, one file a table: URI OUT."""

import sys
from contextlib import closing
from pathlib import Path

import psycopg2

TABLES = (
    *("concursos", "eventos", "partes", "renglones", "caracteristicas"),
    *("documentos", "ofertas", "adjudicaciones", "contratos"),
)

with closing(psycopg2.connect(sys.argv[1])) as connection, connection.cursor() as cursor:
    for table in TABLES:
        with open(Path(sys.argv[2]) / f"{table}.csv", "wb") as file:
            cursor.copy_expert(f"COPY (SELECT * FROM {table} ORDER BY nog) TO STDOUT (FORMAT csv)", file)  # noqa: S608
