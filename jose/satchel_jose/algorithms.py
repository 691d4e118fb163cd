"""The table of signature algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864, RFC 9964).

A new algorithm is one row of ROWS. Nothing else in Satchel or satchel-client names one but to say what is used unless
somebody chooses otherwise.
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa

from satchel_jose.algorithm import Algorithm, KeyKind
from satchel_jose.ecdsa import curve_kind, ecdsa
from satchel_jose.mac import hmac_sha2
from satchel_jose.mldsa import ml_dsa, supported
from satchel_jose.okp import X25519, eddsa
from satchel_jose.rsa import pkcs1, pss

_P256, _P384, _P521 = ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()
_POST_QUANTUM = (
    ml_dsa("ML-DSA-44", mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey, 1312, 2420),
    ml_dsa("ML-DSA-65", mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey, 1952, 3309, in_proofs=False),
    ml_dsa("ML-DSA-87", mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey, 2592, 4627, in_proofs=False, in_jwe=False),
)

ROWS: tuple[Algorithm, ...] = (
    ecdsa("ES256", curve_kind("P-256", _P256), _P256, hashes.SHA256()),
    ecdsa("ES384", curve_kind("P-384", _P384), _P384, hashes.SHA384()),
    ecdsa("ES512", curve_kind("P-521", _P521), _P521, hashes.SHA512()),
    eddsa("EdDSA", "Ed25519"),
    pkcs1("RS256", hashes.SHA256()),
    pkcs1("RS384", hashes.SHA384()),
    pkcs1("RS512", hashes.SHA512()),
    pss("PS256", hashes.SHA256()),
    pss("PS384", hashes.SHA384()),
    pss("PS512", hashes.SHA512()),
    *(_POST_QUANTUM if supported() else ()),
    hmac_sha2("HS256", "sha256", 32),
    hmac_sha2("HS384", "sha384", 48),
    hmac_sha2("HS512", "sha512", 64),
)

ALGORITHMS: dict[str, Algorithm] = {name: row for row in ROWS for name in row.names}
"""Each row by each of its names."""
SIGNATURES = tuple(name for name, row in ALGORITHMS.items() if not row.symmetric)
"""Names of the algorithms whose signatures others verify with a public key."""
MACS = tuple(name for name, row in ALGORITHMS.items() if row.symmetric)
"""Names of the algorithms with a shared secret: for `client_secret_jwt`, and for nothing else."""
PROOFS = tuple(name for name, row in ALGORITHMS.items() if row.in_proofs)
"""Names of the algorithms of DPoP proofs (RFC 9449 section 4.2)."""
KINDS: tuple[KeyKind, ...] = (*{row.kind.name: row.kind for row in ROWS if not row.symmetric}.values(), X25519)
"""The kinds of public keys. X25519 keys sign nothing: tokens are sealed to them (RFC 8037 section 3.2)."""
