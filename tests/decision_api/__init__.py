"""Tests of the decision API."""
