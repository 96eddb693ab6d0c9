"""The publication policy as data, generated from what the code declares (mapping, catalogs, extensions) and from what a month's
quality measured; and as files: the dictionary as CSV and Excel, the whole as PDF.

Its words are in `data/policy/`; how a web page shows it is `portal/`'s business.
"""
