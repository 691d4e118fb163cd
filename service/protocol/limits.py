"""Limits of browsers and proxies."""

MAX_URL = 2000
"""The longest URL, in characters, that every browser, proxy and log accepts."""
