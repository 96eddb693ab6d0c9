"""What is looked at so that nobody has to look: runs, the publication, its age; and who is told what about it.

`facts.py` reads what is, `conditions.py` says what of it is wrong, `kinds.py` how bad that is, `telling.py` tells it, once, by the
channels of `resources/alerts/`; `memory.py` keeps what was told. Sensors and the command only call `look.py`.
"""
