"""Bags: every sealed or signed thing that the service hands out, and the one place that opens them.

| file | what it holds |
|---|---|
| `kinds/` | what each bag holds |
| `snapshot.py` | ring, header table and cache of one request: seals, signs, opens |
| `seal.py` | encryption and decryption of bags (JWE) |
| `sign.py` | signing and verification of access tokens and ID tokens (JWS) |
| `nested.py` | signed tokens that are encrypted to one resource server |
| `foreign.py` | JWTs of others: client assertions, DPoP proofs, request objects |
| `foreign_keys.py` | the keys that verify those JWTs |
| `jwk.py` | public keys of others: reading, import, thumbprints |
| `certificate.py` | names and public key of a client certificate |
| `authorities.py` | the chain of a client certificate up to a configured authority |
| `nonce.py` | nonces for DPoP proofs |
| `ids.py` | fresh identifiers |
| `randomness.py` | random octets |
| `errors.py` | `BadBag`, the one error of everything that cannot be opened |
"""
