"""Predefined reports with filters, as Guatecompras' module of open data has them: one file each, over the published tables.

`registry.py` lists them, `report.py` says what one is, `filters.py` what can be asked, `writing.py` writes their formats.
"""
