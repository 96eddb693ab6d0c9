"""The errors that a person can act on: each message is one clear line, shown without a traceback.

Anything else that is raised is a defect of this project and keeps its traceback.
"""


class GuatecomprasError(Exception):
    """Base of every error that is the input's, the operator's or the machine's to mend.

    `transient`: the same may well succeed a little later (a connection that broke), so trying again makes sense.
    """

    transient = False


class MonthError(GuatecomprasError):
    """A month that is misspelt, before the first one or in the future."""


class SourceError(GuatecomprasError):
    """A source that cannot be read, or that lacks a table or a required column."""


class StoreError(GuatecomprasError):
    """A store that cannot be read or written (missing, full, not permitted)."""


class GateError(GuatecomprasError):
    """A month that must not be published: a check failed, or was not run on exactly these files."""


class CursorError(GuatecomprasError):
    """A cursor of the changes that no page of this publication gave."""


class NotTakenError(GuatecomprasError):
    """A webhook or a mail server that did not take a delivery; why, in a few words and without an address that may be a secret."""
