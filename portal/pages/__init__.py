"""The pages: one module a group of addresses, each with its `router`; `site` holds what they share.

What they show comes from the publication and from the library over it; the API is `portal/official.py` and `portal/v2/`.
"""
