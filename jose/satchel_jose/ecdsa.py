"""ECDSA (RFC 7518 section 3.4): a signature is r and s side by side, each as long as a coordinate of the curve."""

from hashlib import new

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from satchel_jose.algorithm import Algorithm, KeyKind, Octets


def curve_kind(name: str, curve: ec.EllipticCurve) -> KeyKind:
    """Return the kind of the keys on a curve of RFC 7518 section 6.2, called `name` there."""
    octets = (curve.key_size + 7) // 8

    def load_public(members: Octets) -> ec.EllipticCurvePublicKey:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + members["x"] + members["y"])

    def load_private(members: Octets) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(members["d"]), curve)

    def dump_public(key: object) -> Octets | None:
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != curve.name:
            return None
        point = key.public_numbers()
        return {"x": point.x.to_bytes(octets), "y": point.y.to_bytes(octets)}

    def unfit(members: Octets) -> str:
        sized = all(len(members[name]) == octets for name in ("x", "y"))
        return "" if sized else "a coordinate has the wrong length"

    return KeyKind(
        name=name,
        fixed={"kty": "EC", "crv": name},
        public=("x", "y"),
        private=("d",),
        load_public=load_public,
        load_private=load_private,
        dump_public=dump_public,
        unfit=unfit,
    )


def ecdsa(name: str, kind: KeyKind, curve: ec.EllipticCurve, digest: hashes.HashAlgorithm) -> Algorithm:
    """Return the row of ECDSA with the keys of `kind`, which are on `curve`."""
    octets = (curve.key_size + 7) // 8
    order = curve.group_order
    scheme = ec.ECDSA(digest)

    def sign(private: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
        # 30 len 02 len(r) r 02 len(s) s; the first length has a second octet where it is over 127, as with P-521.
        der = private.sign(data, scheme)
        start = 4 if der[1] < 0x80 else 5
        end = start + der[start - 1]
        return der[start:end][-octets:].rjust(octets, b"\0") + der[end + 2 :][-octets:].rjust(octets, b"\0")

    def check(public: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> None:
        r, s = int.from_bytes(signature[:octets]), int.from_bytes(signature[octets:])
        if not (0 < r < order and 0 < s < order):
            raise InvalidSignature
        public.verify(encode_dss_signature(r, s), data, scheme)

    return Algorithm(
        names=(name,),
        kind=kind,
        generate=lambda: ec.generate_private_key(curve),
        sign=sign,
        check=check,
        signature_bytes=lambda public: 2 * octets,
        digest=lambda data: new(digest.name, data).digest(),
    )
