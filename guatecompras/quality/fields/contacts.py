"""The columns of contacts: shared by the checks of e-mail addresses and telephone numbers."""

from guatecompras.quality.fields.cells import Column

_PATH = "parties/contactPoint"
EMAILS = (Column("parties", "contactPoint_email", f"{_PATH}/email"),)
TELEPHONES = tuple(Column("parties", f"contactPoint_{name}", f"{_PATH}/{name}") for name in ("telephone", "faxNumber"))
COLUMNS = (*EMAILS, *TELEPHONES)
# Everything of the other contacts of a party, joined.
OTHERS = Column("parties", "additionalContactPoints", "parties/additionalContactPoints/email")
