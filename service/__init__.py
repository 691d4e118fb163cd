"""Satchel's token service: rooms on five floors, wired together in app.py (docs/architecture.md draws them)."""
