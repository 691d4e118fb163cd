"""The vocabulary of OAuth 2.0: pure, without HTTP and without effects."""
