"""The columns of documents, of the call for tenders and of contracts: shared by the checks of documents."""

from guatecompras.quality.fields.cells import Column

_TABLES = (("documents", "tender/documents"), ("contract_documents", "contracts/documents"))


def of_documents(name: str) -> tuple[Column, ...]:
    """The column `name` of every table of documents."""
    return tuple(Column(table, name, f"{path}/{name}") for table, path in _TABLES)
