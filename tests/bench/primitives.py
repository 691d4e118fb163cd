"""Sealing, opening, signing and verifying, beside other libraries and beside the bare primitive of `cryptography`.

Ours start from the bag and end with it: encoding, header match, canonical base64url, issuer and times are counted in.
The others get the payload ready-made and the key loaded, and check less where they let us choose. Opening and
verifying are measured without what is remembered of tokens that were opened before.
"""

import json
import os
from collections.abc import Callable, Iterator

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from satchel_jose.base64url import decode
from service.bags.kinds import AccessToken
from service.bags.sign import access_claims, access_token, verify
from tests.bench.effort import Effort
from tests.bench.figure import Figure, versus
from tests.bench.rounds import burst, interleave
from tests.bench.samples import ACCESS_TOKEN, NOW, SEALER, SIGNER, SNAPSHOT

TARGETS = {"seal_vs_jwcrypto": 8.0, "open_vs_jwcrypto": 8.0, "sign_es256_vs_primitive": 0.75}

_SEALING = ["A256KW", "A256GCM"]
_SEALED = SNAPSHOT.seal(ACCESS_TOKEN, NOW)
_SIGNED = SNAPSHOT.sign(ACCESS_TOKEN, "ES256", NOW)
_JWE_HEADER, _JWS_HEADER = (json.loads(decode(text.partition(".")[0].encode())) for text in (_SEALED, _SIGNED))
_CLAIMS = access_claims(ACCESS_TOKEN)
_ES256 = ec.ECDSA(SHA256())
_PRIVATE: ec.EllipticCurvePrivateKey = JWK(**SIGNER.secret_jwk()).get_op_key("sign")
_PUBLIC = _PRIVATE.public_key()

Contestants = dict[str, Callable[[], object]]


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the ratio of our rate to that of each other way, for each of the four operations."""
    operations = {"seal": _seal(), "open": _open(), "sign_es256": _sign(), "verify_es256": _verify()}
    for operation, contestants in operations.items():
        for function in contestants.values():
            function()  # faults and first-use costs come before the clock
        bursts = {name: burst(function, effort.burst_seconds) for name, function in contestants.items()}
        rates = interleave(bursts, effort.bursts)
        for theirs in list(contestants)[1:]:
            name = f"{operation}_vs_{theirs}"
            yield versus(name, rates["satchel"], rates[theirs], TARGETS.get(name))


def _seal() -> Contestants:
    payload = bytes(len(decode(_SEALED.split(".")[3].encode())))
    header, header_text, aad = _JWE_HEADER, json.dumps(_JWE_HEADER), _SEALED.partition(".")[0].encode()
    jwcrypto_key, joserfc_key = JWK(**SEALER.secret_jwk()), OctKey.import_key(SEALER.secret_jwk())

    def jwcrypto() -> object:
        return JWE(payload, header_text, recipient=jwcrypto_key).serialize(compact=True)

    def primitive() -> object:
        fresh = os.urandom(44)
        wrapped = aes_key_wrap(SEALER.secret, fresh[:32])
        return wrapped, AESGCM(fresh[:32]).encrypt(fresh[32:], payload, aad)

    return {
        "satchel": lambda: SNAPSHOT.seal(ACCESS_TOKEN, NOW),
        "jwcrypto": jwcrypto,
        "joserfc": lambda: jwe.encrypt_compact(header, payload, joserfc_key, algorithms=_SEALING),
        "primitive": primitive,
    }


def _open() -> Contestants:
    jwcrypto_key, joserfc_key = JWK(**SEALER.secret_jwk()), OctKey.import_key(SEALER.secret_jwk())
    aad, *segments = _SEALED.encode().split(b".")
    wrapped, iv, ciphertext, tag = map(decode, segments)
    sealed = ciphertext + tag

    def jwcrypto() -> object:
        token = JWE()
        token.deserialize(_SEALED, jwcrypto_key)
        return token.payload

    def satchel() -> object:
        SNAPSHOT._opened.clear()
        return SNAPSHOT.open(_SEALED, (AccessToken,), NOW)

    return {
        "satchel": satchel,
        "jwcrypto": jwcrypto,
        "joserfc": lambda: jwe.decrypt_compact(_SEALED, joserfc_key, algorithms=_SEALING).plaintext,
        "primitive": lambda: AESGCM(aes_key_unwrap(SEALER.secret, wrapped)).decrypt(iv, sealed, aad),
    }


def _sign() -> Contestants:
    jwcrypto_key, joserfc_key = JWK(**SIGNER.secret_jwk()), ECKey.import_key(SIGNER.secret_jwk())
    header, header_text, claims = _JWS_HEADER, json.dumps(_JWS_HEADER), json.loads(_CLAIMS)
    data = _SIGNED.rpartition(".")[0].encode()

    def jwcrypto() -> object:
        token = JWS(_CLAIMS)
        token.add_signature(jwcrypto_key, None, header_text)
        return token.serialize(compact=True)

    return {
        "satchel": lambda: SNAPSHOT.sign(ACCESS_TOKEN, "ES256", NOW),
        "jwcrypto": jwcrypto,
        "joserfc": lambda: jws.serialize_compact(header, _CLAIMS, joserfc_key),
        "pyjwt": lambda: pyjwt.encode(claims, _PRIVATE, "ES256", header),
        "primitive": lambda: _PRIVATE.sign(data, _ES256),
    }


def _verify() -> Contestants:
    public = SIGNER.public_jwk()
    jwcrypto_key, joserfc_key = JWK(**public), ECKey.import_key(public)
    audience = ACCESS_TOKEN.aud[0]
    data, _, signature = _SIGNED.rpartition(".")
    octets = decode(signature.encode())
    der = encode_dss_signature(int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big"))
    text = data.encode()

    def satchel() -> object:
        header, _, rest = _SIGNED.encode().partition(b".")
        return access_token(verify(header, SIGNER, rest))

    def jwcrypto() -> object:
        token = JWS()
        token.deserialize(_SIGNED, jwcrypto_key)
        return token.payload

    return {
        "satchel": satchel,
        "jwcrypto": jwcrypto,
        "joserfc": lambda: jws.deserialize_compact(_SIGNED, joserfc_key).payload,
        "pyjwt": lambda: pyjwt.decode(_SIGNED, _PUBLIC, ["ES256"], audience=audience),
        "primitive": lambda: _PUBLIC.verify(der, text, _ES256),
    }
