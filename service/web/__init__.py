"""The HTTP side: Falcon resources that read a request, ask for a decision and render it. Nothing is judged here."""
