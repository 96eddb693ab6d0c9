"""The integrity of a month as a collection: `integrity/<month>`, of the month and the eleven before it that are public.

Its tables are `columns.py`'s, what is in them `run.py`'s business; all months together are `history.py`'s.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from guatecompras.formats import jsons
from guatecompras.gathered import tables
from guatecompras.gathered.collect import Plan
from guatecompras.gathered.parts import Gathered, Part
from guatecompras.integrity import parameters, sanctions
from guatecompras.integrity.base import COLUMNS, Base, scan
from guatecompras.integrity.columns import FLAGS, REVIEW, STATES, SUMMARY
from guatecompras.integrity.registry import HISTORY, INDICATORS
from guatecompras.integrity.run import Review, judge
from guatecompras.months import Month
from guatecompras.publication import MANIFEST, PublishedFile, describe
from guatecompras.stores import Store

RULES = "reglas.json"
_NEEDED = tuple(f"tables/{table}.parquet" for table in COLUMNS)
_NOTE = "Una señal es una pregunta para quien revisa, no una conclusión sobre nadie."


@dataclass(frozen=True)
class Rules:
    """What decides the flags of a month, but its tables and the code. `sanctions`: the text of the operator's list."""

    sanctions: str = ""

    @property
    def digest(self) -> str:
        listed = hashlib.sha256(self.sanctions.encode()).hexdigest() if self.sanctions.strip() else "none"
        return f"parameters {parameters.digest()} sanctions {listed}"


def name_of(month: str) -> str:
    """The collection of a month."""
    return f"integrity/{month}"


def plan(store: Store, part: Part, parts: Sequence[Part], rules: Rules) -> Plan:
    """The collection of a month as it should be; `parts`: all months that are public."""
    window = _window(part, parts)
    return Plan(
        name_of(part.month),
        tuple(window.values()),
        partial(build, store, part.month, window, rules),
        rules=rules.digest,
        listed=False,
    )


def _window(part: Part, parts: Sequence[Part]) -> dict[int, Part]:
    """The months that are looked at, by how long ago they are."""
    known = {one.month: one for one in parts}
    month, found = Month.parse(part.month), {}
    for ago in range(HISTORY + 1):
        if str(month) in known:
            found[ago] = known[str(month)]
        month = month.previous()
    return found


def build(store: Store, month: str, window: dict[int, Part], rules: Rules, folder: Path) -> Gathered:
    """Write the tables of a month and the rules they follow. Raises GuatecomprasError when a file of a month is not what was
    published or the list of sanctions cannot be read."""
    folders = {ago: part.folder(store, _NEEDED) for ago, part in window.items()}
    base = Base(month, scan(folders), tuple(window), sanctions.read(rules.sanctions))
    made = list(_tables(month, judge(base), folder))
    path = folder / RULES
    jsons.write_json(path, told(month, rules))
    made.append(describe(path, path.name, "schema", 0))
    return Gathered({file.path: folder / file.path for file in made}, tuple(made))


def _tables(month: str, review: Review, folder: Path) -> Sequence[PublishedFile]:
    about = [("Mes", month), ("Advertencia", _NOTE)]
    made: list[PublishedFile] = []
    for table, rows in ((FLAGS, review.flags), (REVIEW, review.priorities), (SUMMARY, review.summary)):
        made += tables.write(table, rows, folder, file_stem(table.id, month), about)
    # A row a subject and indicator is for programs.
    made += tables.write(STATES, review.states, folder, file_stem(STATES.id, month), about, ("parquet",))
    return made


def file_stem(table: str, month: str) -> str:
    return f"{month}_{table}"


def rows_of(store: Store, month: str, version: str) -> dict[str, int]:
    """How many rows the tables of a version have, by table."""
    folder = store.collection_folder(f"{name_of(month)}/{version}", (MANIFEST,))
    listed = orjson.loads((folder / MANIFEST).read_bytes())["files"]
    stems = {f"{file_stem(table.id, month)}.parquet": table.id for table in (FLAGS, REVIEW, SUMMARY, STATES)}
    return {stems[file["path"]]: file["rows"] for file in listed if file["path"] in stems}


def told(month: str, rules: Rules) -> dict[str, Any]:
    """The rules as data: every indicator with its version, definition, fields and parameters."""
    known, priorities = parameters.load()
    return {
        "mes": month,
        "advertencia": _NOTE,
        "reglas": rules.digest,
        "prioridad": dict(priorities.steps),
        "indicadores": [
            {
                "id": one.id,
                "version": one.version,
                "nombre": one.name,
                "name": one.name_en,
                "definicion": one.definition,
                "definition": one.definition_en,
                "nivel": one.level,
                "tema": one.topic,
                "unidad": one.unit,
                "campos": list(one.fields),
                "meses_anteriores": one.history,
                "cardinal": one.cardinal,
                "diferencias": one.differences,
                "peso": known[one.id].weight,
                "fuente": known[one.id].law,
                "parametros": [
                    {"nombre": name, "valor": value, "significa": known[one.id].meanings[name]}
                    for name, value in known[one.id].values.items()
                ],
            }
            for one in INDICATORS.values()
        ],
    }
