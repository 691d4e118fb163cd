"""A module that cannot be imported."""

raise RuntimeError("the text may hold a secret")
