"""The rows of the nine tables out of SQLite with Python's sqlite3 and csv, one file a table: FILE OUT."""

import csv
import sqlite3
import sys
from pathlib import Path

TABLES = (
    *("concursos", "eventos", "partes", "renglones", "caracteristicas"),
    *("documentos", "ofertas", "adjudicaciones", "contratos"),
)

connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for table in TABLES:
    with open(Path(sys.argv[2]) / f"{table}.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(connection.execute(f"SELECT * FROM {table} ORDER BY nog"))  # noqa: S608
