"""Who a client is (RFC 6749 section 2).

| file | what it holds |
|---|---|
| directory | the look-up of a client by its id |
| keys | public keys, HMAC keys and certificate names that clients authenticate with |
| registry | everything that one configuration declares: clients, audiences, entitlements, trusted issuers |
"""
