"""JOSE as Satchel and satchel-client share it: one strict reader, and one table of signature algorithms.

- `base64url`, `strict_json`: one spelling for one value (RFC 7515 section 2, RFC 7493)
- `algorithms`: the table; a row (`algorithm.Algorithm`) is all that there is to know of an algorithm
- `jwk`: public and private keys (RFC 7517), thumbprints (RFC 7638)
- `header`: the header of a compact JWS that somebody else has made (RFC 7515 section 4)
- `errors`: the one exception that all of them raise
"""
