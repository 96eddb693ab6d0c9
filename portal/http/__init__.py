"""HTTP as the portal speaks it, whatever is served: conditions, compression, limits, security, errors, the access log.

What is served is the routers' business.
"""
