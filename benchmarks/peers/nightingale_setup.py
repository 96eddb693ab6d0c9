"""What Nightingale needs to make releases from the demo's SQLite tables: a mapping workbook and a configuration.

SQLITE SCHEMA OUT CONCURSOS. It makes one release a NOG, its latest state; no more of our fields are asked for than it can
give. Every source row is one row of its selector (a UNION ALL in order of NOG), the cheapest form for it.
"""

import json
import sys
from pathlib import Path

import openpyxl
from ocdskit.mapping_sheet import mapping_sheet

Paths = dict[str, str]


def time(column: str) -> str:
    return f"replace({column}, ' ', 'T') || '-06:00'"


# Table, which rows, and OCDS path -> SQL.
SECTIONS: list[tuple[str, str, Paths]] = [
    (
        "concursos",
        "1",
        {
            "tender/id": "nog",
            "tender/title": "descripcion",
            "tender/statusDetails": "estatus_concurso",
            "tender/procurementMethodDetails": "modalidad",
            "tender/mainProcurementCategory": "CASE objeto WHEN 'bienes' THEN 'goods' WHEN 'obras' THEN 'works' "
            "ELSE 'services' END",
            "tender/datePublished": time("fecha_publicacion"),
            "tender/tenderPeriod/startDate": time("fecha_publicacion"),
            "tender/tenderPeriod/endDate": time("fecha_cro"),
            "tender/numberOfTenderers": "numero_oferentes",
            "buyer/id": "'GT-GCUC-' || entidad_compradora || '-' || unidad_compradora",
        },
    ),
    (
        "partes",
        "1",
        {
            "parties/id": "esquema || '-' || identificador",
            "parties/name": "nombre",
            "parties/identifier/scheme": "esquema",
            "parties/identifier/id": "identificador",
            "parties/address/streetAddress": "direccion",
            "parties/address/locality": "municipio",
            "parties/address/region": "departamento",
            "parties/address/countryName": "pais",
            "parties/contactPoint/name": "contacto_nombre",
            "parties/contactPoint/email": "contacto_correo",
            "parties/contactPoint/telephone": "contacto_telefono",
        },
    ),
    (
        "renglones",
        "1",
        {
            "tender/items/id": "renglon_id",
            "tender/items/description": "descripcion",
            "tender/items/quantity": "cantidad",
            "tender/items/unit/name": "unidad_medida",
            "tender/items/classification/id": "unspsc",
        },
    ),
    (
        "caracteristicas",
        "1",
        {
            "tender/items/id": "renglon_id",
            "tender/items/attributes/id": "caracteristica_id",
            "tender/items/attributes/name": "nombre",
            "tender/items/attributes/value": "valor",
        },
    ),
    (
        "documentos",
        "contrato_id IS NULL",
        {
            "tender/documents/id": "documento_id",
            "tender/documents/documentTypeDetails": "tipo",
            "tender/documents/title": "titulo",
            "tender/documents/url": "url",
            "tender/documents/datePublished": time("fecha_publicacion"),
        },
    ),
    (
        "ofertas",
        "1",
        {
            "bids/details/id": "oferta_id",
            "bids/details/date": time("fecha"),
            "bids/details/status": "estado",
            "bids/details/tenderers/id": "proveedor",
            "bids/details/value/amount": "monto",
            "bids/details/value/currency": "moneda",
        },
    ),
    (
        "adjudicaciones",
        "1",
        {
            "awards/id": "adjudicacion_id",
            "awards/date": time("fecha_adjudicacion"),
            "awards/status": "estado",
            "awards/suppliers/id": "proveedor",
            "awards/value/amount": "monto",
            "awards/value/currency": "moneda",
        },
    ),
    (
        "contratos",
        "1",
        {
            "contracts/id": "contrato_id",
            "contracts/awardID": "adjudicacion_id",
            "contracts/contractNumber": "numero_contrato",
            "contracts/dateSigned": time("fecha_suscripcion"),
            "contracts/value/amount": "monto",
        },
    ),
    (
        "documentos",
        "contrato_id IS NOT NULL",
        {
            "contracts/id": "contrato_id",
            "contracts/documents/id": "documento_id",
            "contracts/documents/documentTypeDetails": "tipo",
            "contracts/documents/title": "titulo",
            "contracts/documents/url": "url",
            "contracts/documents/datePublished": time("fecha_publicacion"),
        },
    ),
]
MAPPED = ["1. General (all stages)", "2. Planning", "3. Tender", "4. Award", "5. Contract", "6. Implementation"]
SCHEMA_COLUMNS = ("section", "path", "title", "description", "type", "range", "values", "links")


def selector(size: int) -> str:
    paths = list(dict.fromkeys(path for _, _, found in SECTIONS for path in found))
    chosen = f"nog IN (SELECT nog FROM concursos ORDER BY nog LIMIT {size})"  # noqa: S608
    parts = []
    for order, (table, rows, found) in enumerate(SECTIONS):
        columns = ", ".join(f"{found.get(path, 'NULL')} AS '{path}'" for path in paths)
        parts.append(f"SELECT nog AS ocid, {order} AS part, {columns} FROM {table} WHERE ({rows}) AND {chosen}")  # noqa: S608
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY ocid, part"  # noqa: S608


def workbook(schema: dict) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for name in ("2. Data Elements", *(f"(OCDS) {title}" for title in MAPPED)):
        book.create_sheet(name)
    general = book[f"(OCDS) {MAPPED[0]}"]
    for row in range(3):
        general.append([f"heading {row}"])
    general.append(["required_field", None, "ocid", "", "", "ocid"])
    done = set()
    for table, _, found in SECTIONS:
        general.append(["span", None, table])
        for path in found:
            if path not in done:
                general.append(["field", None, path, "", "", path])
            done.add(path)
    sheet = book.create_sheet("OCDS Schema 1.1.5")
    sheet.append([*SCHEMA_COLUMNS, "codelist"])
    _, rows = mapping_sheet(schema)
    for row in rows:
        # Without codelists: their mapping would have to be a workbook of its own.
        sheet.append([*(row.get(column) for column in SCHEMA_COLUMNS), None])
    return book


source, schema, out, size = sys.argv[1:]
folder = Path(out)
(folder / "output").mkdir()
workbook(json.loads(Path(schema).read_bytes())).save(folder / "mapping.xlsx")
(folder / "config.toml").write_text(
    f"""[datasource]
connection = '{source}'
[mapping]
file = '{folder / "mapping.xlsx"}'
ocid_prefix = 'ocds-xqjsxa'
force_publish = true
selector = '''{selector(int(size))}'''
[publishing]
publisher = 'Demo'
base_uri = 'https://example.org'
version = '1.1'
[output]
directory = '{folder / "output"}'
""",
    encoding="utf-8",
)
