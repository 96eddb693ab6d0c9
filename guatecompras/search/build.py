"""A month's search files, made of its published tables and documents: all by columns. What they hold is `schema.py`."""

import mmap
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import ipc

from guatecompras import catalogs
from guatecompras.errors import GuatecomprasError
from guatecompras.formats.archive import GZIP_HEAD, GZIP_TAIL
from guatecompras.formats.atomic import replacing
from guatecompras.formats.deflating import places
from guatecompras.people import is_person
from guatecompras.search import schema
from guatecompras.search.words import words

TABLES = ("records", "parties", "party_roles", "items", "bids", "awards", "award_suppliers", "contracts", "releases")
_HOME = "GTQ"
_LISTED = "; "
_LAST = 2**32 - 1  # dates past 2106 are slips of the pen


@dataclass(frozen=True)
class Parts:
    """What the files are made of: the tables by name, and the two files of documents."""

    tables: Mapping[str, Path]
    records: Path
    releases: Path


def build(parts: Parts, folder: Path, gone: Collection[int] = ()) -> dict[str, tuple[Path, int]]:
    """Write all files into `folder`; table -> its file and its rows.

    Raises GuatecomprasError when the documents are not blocks that stand alone, or not those of the tables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    read = {name: pl.read_parquet(parts.tables[name]) for name in TABLES}
    found = {"records": _places(parts.records), "releases": _places(parts.releases)}
    releases = _releases(read["releases"], found["releases"])
    concursos = _concursos(read, found["records"], releases)
    rows = concursos.select("nog", row=pl.int_range(pl.len(), dtype=pl.Int32))
    parties, deals = _deals(read, rows)
    made = {
        "concursos": concursos,
        "releases": releases,
        "terms": _terms(read, rows),
        "parties": parties,
        "deals": deals,
        "blocks": pl.concat([place.blocks.with_columns(file=pl.lit(file)) for file, place in found.items()]),
        "gone": _gone(set(gone) - set(concursos["nog"])),
    }
    return {name: _write(folder, name, frame) for name, frame in made.items()}


def read(folder: Path, name: str) -> pa.Table:
    """A table of a version, by the version's folder, mapped into memory. Raises GuatecomprasError when it is of another schema."""
    path = folder / schema.file_name(name)
    table = ipc.open_file(pa.memory_map(str(path))).read_all()
    if (table.schema.metadata or {}).get(b"schema") != str(schema.SCHEMA).encode():
        raise GuatecomprasError(f"{path} is of another schema")
    return table


def gone(folder: Path) -> list[int]:
    """The NOGs that a version says are gone; of any schema."""
    with pa.memory_map(str(folder / schema.file_name("gone"))) as file:
        return [int(nog) for nog in ipc.open_file(file).read_all()["nog"].to_pylist()]


def ever_public(folder: Path, releases: Path) -> set[int]:
    """The NOGs that were public up to a version, that one's included, by the version's folder (with its file of those that are
    gone, where it has one) and its table of releases."""
    earlier = gone(folder) if (folder / schema.file_name("gone")).is_file() else []
    return {*pl.read_parquet(releases, columns=["nog"])["nog"], *earlier}


def write_gone(folder: Path, nogs: Collection[int]) -> tuple[Path, int]:
    """Write the file of those that are gone alone, anew; the file and its rows."""
    return _write(folder, "gone", _gone(nogs))


def _gone(nogs: Collection[int]) -> pl.DataFrame:
    return pl.DataFrame({"nog": sorted(nogs)}, schema={"nog": pl.Int64})


def _write(folder: Path, name: str, frame: pl.DataFrame) -> tuple[Path, int]:
    wanted = schema.FILES[name]
    table = frame.select(wanted.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(wanted).combine_chunks()
    path = folder / f"{name}.arrow"
    with replacing(path) as part, ipc.new_file(part, wanted.with_metadata({"schema": str(schema.SCHEMA)})) as writer:
        writer.write_table(table.replace_schema_metadata({"schema": str(schema.SCHEMA)}))
    return path, frame.height


# Where documents are in their files.


@dataclass(frozen=True)
class _Places:
    """Lines of a file: `lines` has block, offset, length of each; `blocks` where each block starts and how long it is plain."""

    lines: pl.DataFrame
    blocks: pl.DataFrame


def _places(path: Path) -> _Places:
    starts, sizes, ends, before = [], [], [], 0
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for start, plain in places(data[len(GZIP_HEAD) : -GZIP_TAIL]):
                starts.append(start + len(GZIP_HEAD))
                sizes.append(len(plain))
                ends.append(np.flatnonzero(np.frombuffer(plain, np.uint8) == ord("\n")) + before)
                before += len(plain)
    except ValueError as error:
        raise GuatecomprasError(f"{path}: {error}") from error
    last = np.concatenate(ends) if ends else np.empty(0, np.int64)
    first = np.concatenate([[0], last[:-1] + 1]) if len(last) else last
    edges = np.cumsum([0, *sizes[:-1]]) if sizes else np.empty(0, np.int64)
    block = np.searchsorted(edges, first, side="right") - 1
    lines = {"block": block, "offset": first - edges[block] if len(edges) else first, "length": last - first}
    return _Places(
        pl.DataFrame(lines, schema=dict.fromkeys(lines, pl.Int32)),
        pl.DataFrame({"start": starts, "plain": sizes}, schema=dict.fromkeys(("start", "plain"), pl.Int64)),
    )


def _beside(frame: pl.DataFrame, found: _Places, what: str) -> pl.DataFrame:
    """Rows with the places of their documents, which are in the same order."""
    if frame.height != found.lines.height:
        raise GuatecomprasError(f"the table says {frame.height} {what}, their file has {found.lines.height}")
    return frame.hstack(found.lines)


def _releases(table: pl.DataFrame, found: _Places) -> pl.DataFrame:
    told = table.select("nog", "id", date=pl.col("date").dt.to_string("%Y-%m-%dT%H:%M:%S%:z"), tag="tag")
    return _beside(told, found, "releases")


# Concursos.


def _concursos(read: Mapping[str, pl.DataFrame], found: _Places, releases: pl.DataFrame) -> pl.DataFrame:
    records = _beside(read["records"], found, "records")
    listed = (
        releases.with_row_index("place").group_by("nog").agg(first_release=pl.col("place").first(), releases=pl.len())
    )
    names = pl.col("gcuc").str.extract_groups(r"^(\d+)-(\d+)$").struct
    joined = (
        records.join(_buyers(read), on="nog", how="left")
        .join(_money(read), on="nog", how="left")
        .join(listed, on="nog", how="left")
        .join(_counted(read, "items"), on="nog", how="left")
        .join(_counted(read, "bids"), on="nog", how="left")
        .join(_counted(read, "contracts"), on="nog", how="left")
    )
    return joined.select(
        "nog",
        title="tender_title",
        called=_seconds("tender_datePublished"),
        closes=_seconds("tender_tenderPeriod_endDate"),
        awarded=_seconds("awarded"),
        updated=_seconds("date"),
        recorded=_seconds("publishedDate"),
        estatus=_code("tender_statusDetails", "estatus", "name"),
        status=_named("tender_status"),
        modalidad=_code("tender_procurementMethodDetails", "modalidades", "literal"),
        sub_modalidad=_number("tender_subMethod_id", pl.Int16),
        tipo=_number("tender_tenderType_id", pl.Int16),
        objeto=_named("tender_mainProcurementCategory"),
        departamento=_named("departamento"),
        buyer=_named("buyer_id"),
        buyer_name=_named("buyer_name"),
        unit=_named("tender_procuringEntity_id"),
        unit_name=_named("tender_procuringEntity_name"),
        entidad=names.field("1").cast(pl.Int32, strict=False).fill_null(-1),
        unidad=names.field("2").cast(pl.Int32, strict=False).fill_null(-1),
        tipo_entidad=_number("tipo_entidad", pl.Int32),
        sub_tipo_entidad=_number("sub_tipo_entidad", pl.Int32),
        estimated=pl.col("tender_value_amount").cast(pl.Float64),
        awarded_amount="awarded_amount",
        currency=_named(pl.coalesce("currency", "tender_value_currency", pl.lit(_HOME))),
        tenderers=pl.col("tender_numberOfTenderers").cast(pl.Int32).fill_null(-1),
        items=pl.col("items").fill_null(0),
        bids=pl.col("bids").fill_null(0),
        awards=pl.col("awards").fill_null(0),
        contracts=pl.col("contracts").fill_null(0),
        first_release="first_release",
        releases="releases",
        block="block",
        offset="offset",
        length="length",
    ).sort("called", "nog")


_OF_BUYERS = {
    "departamento": "address_region",
    "tipo_entidad": "details_entityType_id",
    "sub_tipo_entidad": "details_level_id",
    "gcuc": "gcuc",
}


def _buyers(read: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Of each NOG: the department, kind and numbers of its unit, or else of its entity."""
    roles = read["party_roles"].filter(pl.col("role").is_in(["procuringEntity", "buyer"]))
    # The unit comes first; one party may be both.
    ranked = roles.select("nog", "party_id", rank=pl.col("role") == "buyer").unique().sort("nog", "rank", "party_id")
    # A unit that is the entity itself is known by the entity's identifier, and has this one beside it.
    own = pl.coalesce(
        pl.col("id").str.extract(r"^GT-GCUC-(\d+-\d+)$"),
        pl.col("additionalIdentifiers").str.extract(r"GT-GCUC (\d+-\d+)"),
    )
    parties = read["parties"].with_columns(gcuc=own).select("nog", "id", *_OF_BUYERS.values())
    told = ranked.join(parties, left_on=["nog", "party_id"], right_on=["nog", "id"], maintain_order="left")
    return told.group_by("nog").agg(
        pl.col(source).drop_nulls().first().alias(name) for name, source in _OF_BUYERS.items()
    )


def _money(read: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Of each NOG with awards in force: how many, the last one's date, and their sum in the currency of the first."""
    active = read["awards"].filter(pl.col("status") == "active").sort("nog", "date", "id")
    same = pl.col("value_currency") == pl.col("value_currency").first()
    return active.group_by("nog").agg(
        awards=pl.len(),
        awarded=pl.col("date").max(),
        currency=pl.col("value_currency").first(),
        awarded_amount=pl.col("value_amount").filter(same).sum().cast(pl.Float64),
    )


def _counted(read: Mapping[str, pl.DataFrame], table: str) -> pl.DataFrame:
    return read[table].group_by("nog").agg(pl.len().alias(table))


def _seconds(column: str) -> pl.Expr:
    return pl.col(column).dt.epoch("s").clip(0, _LAST).fill_null(0)


def _code(column: str, catalog: str, key: str) -> pl.Expr:
    return pl.col(column).replace_strict(catalogs.mapping(catalog, key, "id"), default=-1, return_dtype=pl.Int16)


def _number(column: str, kind: type[pl.DataType]) -> pl.Expr:
    return pl.col(column).cast(kind, strict=False).fill_null(-1)


def _named(column: str | pl.Expr) -> pl.Expr:
    told = pl.col(column) if isinstance(column, str) else column
    return told.fill_null("")


# What leads to them.


def _terms(read: Mapping[str, pl.DataFrame], rows: pl.DataFrame) -> pl.DataFrame:
    titles = read["records"].select("nog", text="tender_title")
    described = read["items"].select("nog", text="description")
    texts = pl.concat([titles, described]).drop_nulls()
    kinds = {
        "word": texts.unique().select("nog", value=words(pl.col("text"))).explode("value"),
        "unspsc": read["items"].select("nog", value="classification_id"),
        "categoria": read["records"]
        .select("nog", value=pl.col("tender_categories").str.split(_LISTED))
        .explode("value")
        .with_columns(pl.col("value").str.extract(r"^(\d+)")),
        "supplier": _awarded(read).select("nog", value="id"),
        "bidder": read["bids"].select("nog", value="tenderers_id"),
    }
    told = [
        frame.drop_nulls().select("nog", term=pl.lit(schema.KINDS[kind]) + pl.col("value"))
        for kind, frame in kinds.items()
    ]
    found = pl.concat(told).join(rows, on="nog").unique(["term", "row"])
    return found.sort("term", "row").group_by("term", maintain_order=True).agg(rows="row")


def _awarded(read: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The suppliers of awards in force, with the award's value and date: nog, id, name, amount, date."""
    active = read["awards"].filter(pl.col("status") == "active")
    home = pl.when(pl.col("value_currency") == _HOME).then(pl.col("value_amount").cast(pl.Float64))
    awards = active.select("nog", "date", award_id="id", amount=home)
    # Who shares an award shares its value: nobody says how, so it is split evenly and no sum counts it twice.
    shared = read["award_suppliers"].with_columns(of=pl.len().over("nog", "award_id"))
    return shared.join(awards, on=["nog", "award_id"]).select(
        "nog", "id", "name", "date", amount=pl.col("amount") / pl.col("of")
    )


def _deals(read: Mapping[str, pl.DataFrame], rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    bids = read["bids"].drop_nulls("tenderers_id")
    home = pl.when(pl.col("value_currency") == _HOME).then(pl.col("value_amount").cast(pl.Float64))
    offered = bids.group_by("nog", id="tenderers_id").agg(name=pl.col("tenderers_name").last(), offered=home.min())
    won = (
        _awarded(read)
        .sort("nog", "id", "date")
        .group_by("nog", "id")
        .agg(
            won_name=pl.col("name").last(),
            awards=pl.len().cast(pl.Int32),
            amount=pl.col("amount").sum(),
            date=pl.col("date").max(),
        )
    )
    both = offered.with_columns(bid=True).join(won, on=["nog", "id"], how="full", coalesce=True).join(rows, on="nog")
    kinds = (
        read["parties"].group_by("id").agg(kind=pl.col("details_legalEntityTypeDetail_description").drop_nulls().last())
    )
    parties = (
        both.sort("id", "row")
        .group_by("id", maintain_order=True)
        .agg(name=pl.coalesce("won_name", "name").drop_nulls().last())
        .join(kinds, on="id", how="left", maintain_order="left")
        .select("id", "name", person=is_person(pl.col("kind")))
    )
    numbered = parties.select("id", party=pl.int_range(pl.len(), dtype=pl.Int32))
    deals = both.join(numbered, on="id").select(
        "row",
        "party",
        bid=pl.col("bid").fill_null(value=False),
        awards=pl.col("awards").fill_null(0),
        amount=pl.col("amount").fill_null(0.0),
        offered="offered",
        date=_seconds("date"),
    )
    return parties, deals.sort("row", "party")
