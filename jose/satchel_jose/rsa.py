"""RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 7518 sections 3.3 and 3.5): a signature is as long as the modulus."""

from hashlib import new

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from satchel_jose.algorithm import Algorithm, KeyKind, Octets
from satchel_jose.weak_rsa import weakness

GENERATED_BITS = 2048
MIN_BITS, MAX_BITS = 2048, 8192
_CRT = ("p", "q", "dp", "dq", "qi")


def _load_public(members: Octets) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(int.from_bytes(members["e"]), int.from_bytes(members["n"])).public_key()


def _load_private(members: Octets) -> rsa.RSAPrivateKey:
    numbers = {name: int.from_bytes(value) for name, value in members.items()}
    n, e, d = numbers["n"], numbers["e"], numbers["d"]
    if numbers.keys().isdisjoint(_CRT):  # RFC 7518 section 6.3.2 asks for them and lets a producer leave them out
        p, q = rsa.rsa_recover_prime_factors(n, e, d)
        dp, dq, qi = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    else:
        p, q, dp, dq, qi = (numbers[name] for name in _CRT)
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()


def _dump_public(key: object) -> Octets | None:
    if not isinstance(key, rsa.RSAPublicKey):
        return None
    numbers = key.public_numbers()
    return {"n": _shortest(numbers.n), "e": _shortest(numbers.e)}


def _shortest(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _unfit(members: Octets) -> str:
    n, e = members["n"], members["e"]
    if n[:1] == b"\0" or e[:1] == b"\0":
        return "an RSA number has leading zeros"
    modulus, exponent = int.from_bytes(n), int.from_bytes(e)
    if not MIN_BITS <= modulus.bit_length() <= MAX_BITS or modulus % 2 == 0:
        return "RSA modulus is too short, too long or even"
    # The upper bound keeps a verification cheap: its cost grows with the exponent.
    if not 65537 <= exponent < 2**32 or exponent % 2 == 0:
        return "RSA exponent is too small, too large or even"
    return weakness(modulus)


RSA = KeyKind(
    name="RSA",
    fixed={"kty": "RSA"},
    public=("n", "e"),
    private=("d", *_CRT),
    load_public=_load_public,
    load_private=_load_private,
    dump_public=_dump_public,
    unfit=_unfit,
)


def pkcs1(name: str, digest: hashes.HashAlgorithm) -> Algorithm:
    """Return the row of RSASSA-PKCS1-v1_5 with `digest`."""
    return _rsa(name, padding.PKCS1v15(), digest)


def pss(name: str, digest: hashes.HashAlgorithm) -> Algorithm:
    """Return the row of RSASSA-PSS with `digest`, for the mask too, and a salt as long as it."""
    return _rsa(name, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)


def _rsa(name: str, scheme: padding.AsymmetricPadding, digest: hashes.HashAlgorithm) -> Algorithm:
    return Algorithm(
        names=(name,),
        kind=RSA,
        generate=lambda: rsa.generate_private_key(65537, GENERATED_BITS),
        sign=lambda private, data: private.sign(data, scheme, digest),
        check=lambda public, signature, data: public.verify(signature, data, scheme, digest),
        signature_bytes=lambda public: (public.key_size + 7) // 8,
        digest=lambda data: new(digest.name, data).digest(),
    )
