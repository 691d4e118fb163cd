"""Limits that browsers and proxies set."""

MAX_URL = 2000
"""Characters of the longest URL that every browser, proxy and log takes."""
