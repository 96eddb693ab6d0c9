"""The open-data portal (CKAN): what should be there, what has to be done so that it is, and doing it so that a push that is
interrupted, repeated or overtaken does no harm.

`wanted.py` says what should be there, `plan.py` compares, `push.py` does it over a client (`resources/ckan.py`).
"""
