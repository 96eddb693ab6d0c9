"""The social audit: what entities, departments and municipalities bought, how, from whom and how fast, year by year.

Made of the published tables of all months (`build.py`), once at publication. The portal's pages only look it up.
"""
