"""Bags: every sealed or signed thing that the service hands out, and the one place that opens them."""
