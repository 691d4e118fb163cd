"""Clients (RFC 6749 section 2).

| purpose                                                                              | file         |
|--------------------------------------------------------------------------------------|--------------|
| the look-up of a client by its id, and the cache of accepted secrets                 | directory.py |
| public keys, HMAC keys, certificate names and encryption keys of clients, and checks | keys.py      |
| what a configuration declares: clients, audiences, entitlements, trusted issuers     | registry.py  |
| what a client may have today of an earlier grant, request or token                   | rights.py    |
"""
