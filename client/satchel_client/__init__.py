"""OAuth 2.0 at the other end of the wire: getting tokens, and checking them."""
