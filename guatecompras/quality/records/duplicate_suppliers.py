"""Check: nobody offers or supplies twice in a process: under two ids with one name, or one number in two registries.

Names are compared without case, accents, punctuation, order of words and words of the legal form. Two persons of one name
are possible, and rare.
"""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month

# As they are left once accents and dots are gone.
_LEGAL_FORMS = (
    "SOCIEDAD", "ANONIMA", "SA", "SAS", "RESPONSABILIDAD", "LIMITADA", "LTDA", "COMPANIA", "CIA", "COMANDITA", "COLECTIVA",
    "INC", "LLC", "CORP", "DE", "DEL", "LA", "EL", "Y", "EN",
)  # fmt: skip


def _find(month: Month) -> Finding:
    roles = month.scan("party_roles").filter(pl.col("role").is_in(["tenderer", "supplier"]))
    parts = roles.select("nog", id="party_id").unique()
    several = parts.group_by("nog").len().filter(pl.col("len") > 1).select("nog")
    parties = month.scan("parties").select("nog", "id", "name", number="identifier_id")
    rows = parties.join(several, on="nog", how="semi").join(parts, on=["nog", "id"], how="semi")
    rows = rows.with_columns(name=_bare_name(), number=_bare_number()).collect().lazy()
    same = [
        rows.filter(pl.col(key) != "")
        .group_by("nog", key)
        .agg(ids=pl.col("id").unique().sort())
        .filter(pl.col("ids").list.len() > 1)
        .select("nog", path=pl.lit(path), value=pl.format("{}: {}", pl.col("ids").list.join(" / "), key))
        for key, path in (("name", "parties/name"), ("number", "parties/identifier/id"))
    ]
    count, failures = pl.collect_all([rows.select(pl.col("nog").n_unique()), pl.concat(same)])
    # Processes count: one where somebody could stand twice, or does.
    return Finding(count.item(), failures["nog"].n_unique(), failures)


def _bare_name() -> pl.Expr:
    plain = pl.col("name").str.to_uppercase().str.normalize("NFD").str.replace_all(r"[\p{M}.]", "")
    words = plain.str.replace_all(r"[^A-Z0-9]+", " ").str.replace_all(r"\bS A\b", "SA").str.split(" ")
    return words.list.set_difference(pl.lit([*_LEGAL_FORMS, ""])).list.sort().list.join(" ")


def _bare_number() -> pl.Expr:
    return pl.col("number").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "").str.strip_chars_start("0")


CHECK = Check(
    id="duplicate_suppliers",
    version="1",
    level="record",
    dimension="unicidad",
    asset="tables/parties",
    paths=("parties/id", "parties/name", "parties/identifier/id", "parties/roles"),
    meaning="Ningún proveedor está dos veces en un proceso, con dos identificadores o con el nombre escrito de dos maneras.",
    description="No supplier or tenderer stands twice in a process: under two ids no equal names or numbers, spelling folded.",
    find=_find,
)
