"""The file formats of a publication: how bytes are written and re-read. What they mean is decided elsewhere.

Same input, same bytes: no clock, no locale, no machine in any file. (The compressed bytes also depend on the versions
of zlib-ng, Polars and Arrow, which the project pins.)
"""
