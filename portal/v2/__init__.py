"""/api/v2: search, documents, buyers and suppliers, changes and feeds. What is found is the library's business; what a
client sends wrongly, or how answers are compressed and cached, is `portal/http/`'s.
"""
