"""The key ring of a token service: keys with four instants, rotation, a directory of key files, the JWKS (RFC 7517).

It knows nothing of OAuth or HTTP, and is of use alone: `python -m keys --help`.

| file | what it holds |
|---|---|
| `policy.py` | the `[keys]` table: algorithms, periods, lifetimes |
| `configuration.py` | where the key directory and the master key are |
| `pair.py` | a key pair as a JWK; signing and verifying |
| `key.py` | a key with its four instants; wrapping content keys |
| `ring.py` | the keys at one instant: which one signs, which one encrypts |
| `rotation.py` | the transitions of a ring: rotate, revoke |
| `store.py` | the directory of key files |
| `files.py` | writing and reading files that hold secrets |
| `master.py` | encryption of key files with a master key |
| `jwks.py` | the published JWK Set and its `max-age` |
"""

from keys.files import KeyStoreError
from keys.jwks import jwks, max_age
from keys.key import InvalidWrap, Key, SealingKey, SigningKey
from keys.master import read_master_key
from keys.pair import KeyPair, NoPrivateKey
from keys.policy import Policy
from keys.ring import NoActiveKey, Ring
from keys.rotation import UnknownKid, revoke, rotate
from keys.store import KeyStore

__all__ = [
    "InvalidWrap",
    "Key",
    "KeyPair",
    "KeyStore",
    "KeyStoreError",
    "NoActiveKey",
    "NoPrivateKey",
    "Policy",
    "Ring",
    "SealingKey",
    "SigningKey",
    "UnknownKid",
    "jwks",
    "max_age",
    "read_master_key",
    "revoke",
    "rotate",
]
