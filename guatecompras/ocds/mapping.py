"""The mapping as data: each published field, the source columns it comes from, the table column it becomes, its words.

`data/mapping.csv` is the one declaration; lineage, data dictionary and schema are read from it. How values are computed
is `releases` and `tables`; what a field may hold is `profile.py`.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parents[1] / "data" / "mapping.csv"

# Columns of the contract that no published field is made from, and why (said in the data dictionary, hence Spanish).
UNPUBLISHED: dict[tuple[str, str], str] = {
    ("concursos", "tipo_entidad"): "Sirve para filtrar en la API; el tipo publicado es el de cada participante.",
    ("concursos", "sub_tipo_entidad"): "Sirve para filtrar en la API; el subtipo publicado es el de cada participante.",
    ("concursos", "fecha_actualizacion"): "Avisa al sistema qué meses cambiaron; no es un hecho del proceso.",
    ("concursos", "estatus_concurso"): "Cada publicación lleva el estatus que dejó su propio evento.",
    ("eventos", "evento_id"): "Clave interna del registro; la publicación se identifica por el NOG y su fecha.",
    ("renglones", "orden"): "Decide el orden en que se publican los renglones.",
    ("caracteristicas", "renglon_id"): "Decide bajo qué renglón se publica la característica.",
    ("caracteristicas", "orden"): "Decide el orden en que se publican las características.",
    ("documentos", "contrato_id"): "Decide si el documento se publica con el concurso o con su contrato.",
    ("adjudicaciones", "adjudicacion_id"): "Clave interna; la adjudicación se identifica por el NOG y el proveedor.",
    ("contratos", "fecha_registro"): "Decide desde qué publicación es visible el contrato.",
}
# Every table's nog says which process a row belongs to: it is published once, in ocid, id and tender/id.
_JOINS = ("eventos", "partes", "renglones", "caracteristicas", "documentos", "ofertas", "contratos")
UNPUBLISHED.update({(table, "nog"): "Une la fila con su proceso; se publica en el OCID." for table in _JOINS})

# Where a path belongs: the section of the longest of these that it begins with.
SECTIONS: dict[str, str] = {
    "": "Proceso",
    "parties": "Participantes",
    "buyer": "Comprador",
    "tender": "Concurso",
    "tender/items": "Renglones",
    "tender/documents": "Documentos",
    "bids": "Ofertas",
    "awards": "Adjudicaciones",
    "contracts": "Contratos",
}


def section_of(path: str) -> str:
    """The section that a path belongs to."""
    return SECTIONS[max((start for start in SECTIONS if not start or f"{path}/".startswith(f"{start}/")), key=len)]


@dataclass(frozen=True)
class Field:
    """One published field.

    `path`: OCDS path with `/`, arrays without index (`awards/value/amount`).
    `type`: `string`, `number`, `integer`, `object`, `array<string>` or `array<object>`.
    `required`: its parent may not lack it.
    `format`: `date-time`, `uri` or empty; `codelist`: its name or empty.
    `sources`: (table, column) pairs of the contract; empty for what is constant or only holds other fields.
    `table`, `column`: where the flat tables carry it, or empty.
    `title`, `description`: Spanish.
    """

    path: str
    type: str
    required: bool
    format: str
    codelist: str
    sources: tuple[tuple[str, str], ...]
    table: str
    column: str
    title: str
    description: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The path of the object that holds it; empty at the top."""
        return self.path.rpartition("/")[0]


def _source(text: str) -> tuple[str, str]:
    table, _, column = text.partition(".")
    return table, column


@cache
def fields() -> tuple[Field, ...]:
    """All published fields, parents before children, in publication order."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Field(
                path=row["path"],
                type=row["type"],
                required=row["required"] == "1",
                format=row["format"],
                codelist=row["codelist"],
                sources=tuple(_source(text) for text in row["source"].split()),
                table=row["table"],
                column=row["column"],
                title=row["title"],
                description=row["description"],
            )
            for row in csv.DictReader(file)
        )


def table_columns(table: str) -> list[Field]:
    """The fields that a flat table carries, in column order; KeyError for a table that carries none."""
    found = [field for field in fields() if field.table == table]
    if not found:
        raise KeyError(f"no table {table!r} in the mapping")
    return found


def releases_lineage() -> dict[str, tuple[tuple[str, str], ...]]:
    """OCDS path -> the (table, column) pairs of the contract that it is made from; without constants and containers."""
    return {field.path: field.sources for field in fields() if field.sources}
