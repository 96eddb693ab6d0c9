"""Alerts of saved searches by webhook: what is saved (`queries.py`), what was told before (`state.py`), and telling what is new
(`telling.py`). How a webhook is called is `resources/webhooks.py`'s business.
"""
