"""What the public sees: the official API, /api/v2, downloads and pages. It reads the publication and nothing else.

What is published, and how, is `guatecompras/` and `pipelines/`.
"""
