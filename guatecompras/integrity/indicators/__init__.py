"""One indicator a file; `registry.py` above gathers them. Each looks at `base.py`'s frames only and has no state of its own."""
