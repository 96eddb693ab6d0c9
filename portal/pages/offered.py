"""What can be downloaded, as pages tell it: of the index alone, so that eighty months cost one read.

The addresses are those of the publication's files; how a file is sent is `portal/files.py`'s business.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from guatecompras.tables import SPECS

Json = Mapping[str, Any]

# How a file's name ends -> what it is called, its media type, for whom it is. The first that fits counts; the order is
# the order on the page, and the first six are the formats of a month.
KINDS: tuple[tuple[str, str, str, str], ...] = (
    ("_Guatecompras.xlsx", "Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
     "Doce hojas enlazadas, para ver y filtrar."),
    ("_csv.zip", "CSV", "application/zip", "Las doce tablas en CSV (UTF-8), en un ZIP."),
    ("_Guatecompras.json.zip", "JSON", "application/zip", "Paquete de registros OCDS, con sus publicaciones enlazadas."),
    ("_records.jsonl.gz", "JSONL registros", "application/gzip", "Un proceso completo (registro compilado) por línea."),
    ("_releases.jsonl.gz", "JSONL publicaciones", "application/gzip",
     "Una publicación (release) por línea: la historia de cada proceso."),
    ("_parquet.zip", "Parquet", "application/zip", "Las doce tablas en Parquet, en un ZIP."),
    ("_rechazos.parquet", "Rechazos", "application/vnd.apache.parquet", "Lo que no se publicó, y por qué."),
    ("changes.jsonl.gz", "Cambios (JSONL)", "application/gzip", "Lo que cambió respecto de la versión anterior."),
    ("changes.parquet", "Cambios (Parquet)", "application/vnd.apache.parquet",
     "Lo que cambió respecto de la versión anterior."),
    ("quality.html", "Informe de calidad", "text/html", "Qué tan completo y correcto es el mes."),
    ("quality.json", "Informe de calidad (JSON)", "application/json", "El mismo informe, para programas."),
    ("profile.zip", "Perfil OCDS", "application/zip", "Esquemas JSON, listas de códigos y extensiones."),
    ("datapackage.json", "Data Package", "application/json", "La descripción de las tablas y sus columnas."),
    ("manifest.json", "Manifiesto", "application/json", "Todos los archivos de la versión, con huella y conteos."),
    (".parquet", "", "application/vnd.apache.parquet", "Tabla en Parquet."),
    (".jsonl.gz", "", "application/gzip", "Una entrada por línea."),
    ("", "", "application/octet-stream", ""),
)  # fmt: skip
FORMATS = tuple(suffix for suffix, *_ in KINDS[:6])

_INNER = "search"
FIRST = "primera versión"

# What a version's counts are called when two versions are compared.
_COUNTED = (
    ("concursos", "concurso", "concursos"),
    ("releases", "publicación", "publicaciones"),
    ("awards", "adjudicación", "adjudicaciones"),
    ("rejected", "rechazo", "rechazos"),
)


@dataclass(frozen=True)
class Download:
    """One file that can be fetched."""

    path: str
    label: str
    media: str
    meaning: str
    bytes: int
    rows: int
    sha256: str
    order: int

    @property
    def url(self) -> str:
        return f"/publication/{self.path}"

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Earlier:
    """A version of a month and what it changed in the counts of the one before it. `rolled_back`: to which version it went back,
    and why (`to`, `why`), if it did."""

    version: str
    published: str
    manifest: str
    changes: str
    kept: bool
    difference: str
    rolled_back: Json | None


@dataclass(frozen=True)
class Offer:
    """A month, a year or the history: its current version and its files."""

    name: str
    version: str
    published: str
    counts: Mapping[str, int]
    files: tuple[Download, ...]
    versions: tuple[Earlier, ...]

    @property
    def formats(self) -> tuple[Download, ...]:
        return tuple(file for file in self.files if file.order < len(FORMATS))

    @property
    def others(self) -> tuple[Download, ...]:
        return tuple(file for file in self.files if file.order >= len(FORMATS))

    def file(self, suffix: str) -> Download | None:
        return next((file for file in self.files if file.path.endswith(suffix)), None)


def download(file: Json, prefix: str = "") -> Download:
    """A file as the index or a manifest lists it; `prefix`: the version's folder, where the path is relative to it."""
    path = f"{prefix}{file['path']}"
    order, (_, label, media, meaning) = next((at, kind) for at, kind in enumerate(KINDS) if path.endswith(kind[0]))
    stem = path.rsplit("/", 1)[-1].split(".", 1)[0]
    table = SPECS.get(stem) if path.endswith(".parquet") and not label else None
    meaning = f"{table.description}." if table else meaning
    return Download(path, label or stem, media, meaning, file["bytes"], file["rows"], file["sha256"], order)


def _ordered(files: Iterable[Json], prefix: str = "") -> tuple[Download, ...]:
    # What the portal itself searches by is nothing that anybody would open.
    open_to_all = (file for file in files if file["format"] != _INNER)
    return tuple(sorted((download(file, prefix) for file in open_to_all), key=lambda one: (one.order, one.path)))


def difference(newer: Mapping[str, int], older: Mapping[str, int] | None) -> str:
    """What one version has more or less than the one before it: `+35 adjudicaciones, −1 concurso`."""
    if older is None:
        return FIRST
    told = []
    for name, one, many in _COUNTED:
        more = newer.get(name, 0) - older.get(name, 0)
        if more:
            told.append(f"{'+' if more > 0 else '−'}{abs(more):,} {one if abs(more) == 1 else many}")
    return ", ".join(told) or "los mismos conteos"


def offer(name: str, entry: Json, folder: str) -> Offer:
    """An entry of the index; `folder`: where its versions are."""
    chain: list[Json] = [entry, *entry.get("versions", ())]
    differences = [difference(newer["counts"], older["counts"]) for newer, older in pairwise(chain)]
    versions = tuple(
        Earlier(
            one["version"],
            one["published"],
            f"/publication/{one['manifest']['path']}",
            f"/publication/{folder}/{one['version']}/changes.jsonl.gz",
            one.get("kept", True),
            told,
            one.get("rolled_back"),
        )
        for one, told in zip(chain, [*differences, difference({}, None)], strict=True)
    )
    return Offer(name, entry["version"], entry["published"], entry["counts"], _ordered(entry["files"]), versions)


def months(index: Json) -> list[Offer]:
    """Every month, the newest first."""
    return [offer(name, index["months"][name], f"months/{name}") for name in sorted(index["months"], reverse=True)]


def month(index: Json, name: str) -> Offer:
    """Raises KeyError for a month that is not public."""
    return offer(name, index["months"][name], f"months/{name}")


def years(index: Json) -> list[Offer]:
    """The yearly sets, the newest first."""
    found = sorted((name for name in index.get("collections", {}) if name.startswith("years/")), reverse=True)
    return [offer(name.removeprefix("years/"), index["collections"][name], name) for name in found]


def history(index: Json) -> Offer | None:
    entry = index.get("collections", {}).get("history")
    return offer("history", entry, "history") if entry else None


def of_manifest(manifest: Json, folder: str) -> tuple[Download, ...]:
    """The files that a manifest lists; `folder`: its version's, with a slash at the end."""
    return _ordered(manifest["files"], folder)


def totals(index: Json) -> dict[str, int]:
    """The counts of all months together."""
    entries = index["months"].values()
    return {
        name: sum(entry["counts"].get(name, 0) for entry in entries) for name in ("concursos", "releases", "awards")
    }
