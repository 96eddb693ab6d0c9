"""Faults of single values. Where a rule tolerates some, enough of them are broken."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from guatecompras.months import TIME_ZONE
from tests.quality.faults.workshop import Fault, Workshop, edit, fault, nth

Inject = Callable[[Workshop], None]


def _first(rows: int, column: str) -> pl.Expr:
    """The first rows that have a value in a column."""
    there = pl.col(column).is_not_null()
    return there & (there.cum_sum() <= rows)


def _add(table: str, column: str, text: str, rows: int = 10) -> Inject:
    """Some text after the values of a column, in its first rows."""
    return edit(table, _first(rows, column), **{column: pl.col(column) + text})


def _fill(table: str, column: str, value: object, rows: int = 1) -> Inject:
    """Another value in a column, in its first rows that have one."""
    return edit(table, _first(rows, column), **{column: value})


def _rarely(path: str, share: float) -> Inject:
    """A path that is there in a share of its parents only."""

    def inject(bench: Workshop) -> None:
        possible = bench.month.coverage[path][1]
        counted = {**bench.month.coverage, path: (int(possible * share), possible)}
        bench.month = replace(bench.month, coverage=counted)

    return inject


def _rename(table: str, where: pl.Expr, form: str, **also: str) -> Inject:
    """Another id for the first row `where` of a table, in every table that names it; {} in `form` is the row's NOG."""

    def inject(bench: Workshop) -> None:
        row = bench.table(table).filter(where).row(0, named=True)
        old, new = row["id"], form.format(row["nog"])
        for name in bench.month.tables:
            frame = bench.table(name)
            texts = [column for column, kind in frame.schema.items() if kind == pl.String]
            named = frame.with_columns(pl.when(pl.col(c) == old).then(pl.lit(new)).otherwise(c).alias(c) for c in texts)
            if not named.equals(frame):
                bench.put(name, named)
        if also:
            bench.set(table, pl.col("id") == new, **also)

    return inject


def _scheme(name: str) -> pl.Expr:
    return pl.col("identifier_scheme") == name


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(TIME_ZONE))


FAULTS: tuple[Fault, ...] = (
    fault("a tenth of the titles are lost", "coverage", _rarely("tender/title", 0.9)),
    fault("one buyer is lost, which must be there", "coverage", _rarely("buyer", 0.999)),
    fault("half the items are not classified", "coverage", _rarely("tender/items/classification", 0.5)),
    fault("a third of the contacts have no e-mail address", "coverage", _rarely("parties/contactPoint/email", 0.66)),
    fault("no document has an address", "coverage", _rarely("tender/documents/url", 0)),
    fault("characteristics say n/a", "empty_text", _fill("item_attributes", "value", "N/A", 60)),
    fault("addresses are a dash", "empty_text", _fill("parties", "address_streetAddress", "--", 60)),
    fault("addresses are the number 0", "empty_text", _fill("parties", "address_streetAddress", "0", 60)),
    fault(
        "contacts are the system's own word for nothing",
        "empty_text",
        _fill("parties", "contactPoint_name", "[--No Especificado--]", 60),
    ),
    fault("characteristics are empty", "empty_text", _fill("item_attributes", "value", "", 60)),
    fault("characteristics have line breaks of HTML", "clean_text", _add("item_attributes", "value", "<br />nuevo")),
    fault("documents' titles have tabs", "clean_text", _add("documents", "title", "\tanexo")),
    fault("documents' titles have line breaks", "clean_text", _add("documents", "title", "\nanexo")),
    fault("addresses have double spaces", "clean_text", _add("parties", "address_streetAddress", "  zona 1")),
    fault("addresses end in a space", "clean_text", _add("parties", "address_streetAddress", " ")),
    fault("characteristics have the character NUL", "clean_text", _add("item_attributes", "value", "\x00")),
    fault("characteristics have entities of HTML", "clean_text", _add("item_attributes", "value", "&nbsp;")),
    fault("UTF-8 was read as Latin-1", "clean_text", _add("documents", "title", " adquisiciÃ³n")),
    fault("letters could not be read", "clean_text", _add("parties", "address_streetAddress", " direcci\ufffdn")),
    fault("a document is of the year 1", "date_range", _fill("documents", "datePublished", _at("0001-01-01 00:00:00"))),
    fault(
        "a document is older than Guatecompras",
        "date_range",
        _fill("documents", "datePublished", _at("1999-12-31 00:00:00")),
    ),
    fault(
        "a contract ends in two hundred years",
        "date_range",
        _fill("contracts", "period_endDate", _at("2226-01-01 00:00:00")),
    ),
    fault(
        "a category is none of the standard",
        "codelist_closed",
        _fill("records", "tender_mainProcurementCategory", "supplies"),
    ),
    fault("a release has a tag that there is not", "codelist_closed", _add("releases", "tag", "; tenderExtension", 1)),
    fault("a document type is not known", "codelist_open", _fill("documents", "documentType", "photograph")),
    fault(
        "a way to hand in offers is not known",
        "codelist_open",
        _add("records", "tender_submissionMethod", "; carrierPigeon", 1),
    ),
    fault(
        "a category of Guatecompras is not known",
        "codelist_open",
        _fill("records", "tender_categories", "1 Alimentos y semillas; 99 Otros"),
    ),
    fault(
        "an item is classified by a scheme that is not used",
        "codelist_open",
        _fill("items", "classification_scheme", "CPV"),
    ),
    fault("a unit's price is in no currency", "currency_known", _fill("items", "unit_value_currency", "QTZ")),
    fault("an estimate is in a currency's sign", "currency_known", _fill("records", "tender_value_currency", "Q")),
    fault("a tender id names another NOG", "process_identifier", _fill("records", "tender_id", "GT-NOG-30000001")),
    fault("a record id has no time", "process_identifier", _fill("records", "id", pl.col("ocid"))),
    fault("a release id has no ticks", "process_identifier", _rename("releases", nth(0), "GT-NOG-{}")),
    fault(
        "a party's number is not that of its id",
        "identifier_scheme",
        edit("parties", _scheme("GT-CISP") & nth(0), identifier_id="999"),
    ),
    fault(
        "a party is identified by a register that is not known",
        "identifier_scheme",
        _rename("parties", _scheme("GT-NIT"), "GT-DPI-1234", identifier_scheme="GT-DPI", identifier_id="1234"),
    ),
    fault(
        "so is one by its other identifiers",
        "identifier_scheme",
        _add("parties", "additionalIdentifiers", "; GT-DPI 1234", 1),
    ),
    fault("a contract id does not say its NOG", "identifier_format", _rename("contracts", nth(0), "CON-1")),
    fault("an award id names another NOG", "identifier_format", _rename("awards", nth(0), "GT-ADJ-30000001-1")),
    fault(
        "a unit's number lacks its entity",
        "identifier_format",
        _rename("parties", _scheme("GT-GCUC"), "GT-GCUC-7", identifier_id="7"),
    ),
    fault(
        "a supplier's NIT has a wrong check digit",
        "nit_check_digit",
        _rename("parties", _scheme("GT-NIT"), "GT-NIT-71081", identifier_id="71081"),
    ),
    fault(
        "a buyer's NIT has a wrong check digit",
        "nit_check_digit",
        _fill("parties", "additionalIdentifiers", "GT-NIT 71081; GT-GCUC 1-0"),
    ),
    fault("a UNSPSC code has seven digits", "unspsc_code", _fill("items", "classification_id", "4322260")),
    fault(
        "a UNSPSC code is of a segment that there is not",
        "unspsc_segment",
        _fill("items", "classification_id", "98101500"),
    ),
    fault(
        "a third of the documents have no type",
        "document_type",
        edit("documents", pl.int_range(pl.len()) % 3 == 0, documentType=None),
    ),
    fault("a format is an extension", "document_format", _fill("documents", "format", "PDF")),
    fault(
        "a format looks like a media type and is none",
        "document_format",
        _fill("contract_documents", "format", "application/docx"),
    ),
    fault("a document is on somebody's disk", "document_url", _fill("documents", "url", "file:///C:/bases.pdf")),
    fault(
        "a document's host is a machine's own name",
        "document_url",
        _fill("documents", "url", "http://localhost/bases.pdf"),
    ),
    fault(
        "an address has a space",
        "document_url",
        _fill("contract_documents", "url", "https://www.guatecompras.gt/contrato 1.pdf"),
    ),
    fault("a language is a word", "language_code", _fill("documents", "language", "español")),
    fault(
        "e-mail addresses have no at sign",
        "email_format",
        _fill("parties", "contactPoint_email", "compras.example.gt", 20),
    ),
    fault(
        "e-mail addresses are two", "email_format", _add("parties", "contactPoint_email", " otro@correo.example", 20)
    ),
    fault(
        "other contacts' addresses have no host",
        "email_format",
        _fill("parties", "additionalContactPoints", "ANA PÉREZ ana@ 22220000", 20),
    ),
    fault(
        "telephone numbers have seven digits",
        "telephone_format",
        _fill("parties", "contactPoint_telephone", "2282431", 200),
    ),
    fault("fax numbers are words", "telephone_format", _fill("parties", "contactPoint_faxNumber", "NO TIENE", 200)),
)
