"""The library: finds concursos, documents, buyers and suppliers in what is published. How they are shown is not its business.

`query.py` says what can be asked, `shelf.py` opens a month's search files, `holdings.py` joins those of all months,
`select.py` finds rows in them, `documents.py` reads records and releases, `parties.py` adds up buyers and suppliers, and
`library.py` is what the portal talks to; `current.py` keeps it up to date.
"""

from portal.library.current import Current
from portal.library.library import Library
from portal.library.query import BadCursorError, Bucket, Page, Query, Row

__all__ = ["BadCursorError", "Bucket", "Current", "Library", "Page", "Query", "Row"]
