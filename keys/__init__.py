"""The key ring of a token service: keys, their rotation, the directory of key files, and the JWKS (RFC 7517).

This package does not depend on OAuth or HTTP and can be used alone: `python -m keys --help`.

| file | what it holds |
|---|---|
| `policy.py` | `Policy`: the `[keys]` table, with algorithms and lifetimes |
| `key.py` | signing keys and sealing keys, with their four instants and their state |
| `pair.py` | the key pair of a signing key |
| `ring.py` | `Ring`: all keys of a node; finds the key that signs, seals or has a kid |
| `rotation.py` | `rotate` and `revoke`, as functions from a ring to a ring |
| `store.py` | `KeyStore`: the directory of key files |
| `files.py` | files with secrets: permissions, atomic writing, the lock |
| `master.py` | encryption of key files under a master key |
| `jwks.py` | the JWK Set and how long it may be cached |
| `configuration.py` | the `[keys]` table of a configuration file, for the command |
| `__main__.py` | the command `python -m keys` |
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
