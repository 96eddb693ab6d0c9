"""What a month is searched by: a few memory-mapped files, made of what the month publishes. Who asks, and how, is the portal's.

`build.py` makes them, `words.py` says which words a text has, `schema.py` what the files hold.
"""
