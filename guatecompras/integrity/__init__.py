"""Integrity: red flags over published months. One indicator a file in `indicators/`; parameters and their legal source in
`data/integrity/parameters.toml`. A flag is a question for whoever reviews, not a finding about anybody.

`base.py` holds what indicators look at, `indicator.py` what one is, `run.py` runs them, `monthly.py` publishes the result.
"""
