"""Known weaknesses of RSA key generation, as far as they show in the modulus alone.

A signature by such a key proves nothing: whoever reads the public key can find the private one.
"""

from math import gcd, isqrt, prod

_PRIMES = tuple(n for n in range(3, 168) if all(n % d for d in range(2, isqrt(n) + 1)))
_PRODUCT = prod(_PRIMES)
_ROUNDS = 64


def _powers(prime: int) -> frozenset[int]:
    """Return the residues that powers of 65537 have modulo `prime`."""
    found, power = set(), 1
    while power not in found:
        found.add(power)
        power = power * 65537 % prime
    return frozenset(found)


_SUBGROUPS = tuple((prime, _powers(prime)) for prime in _PRIMES)


def weakness(modulus: int) -> str:
    """Say which known weakness an odd RSA modulus has; empty if none shows."""
    if gcd(modulus, _PRODUCT) != 1:
        return "RSA modulus has a small factor"
    if all(modulus % prime in powers for prime, powers in _SUBGROUPS):
        return "RSA modulus is of the weak generator of CVE-2017-15361 (ROCA)"
    if _has_close_factors(modulus):
        return "RSA modulus has two factors close to each other (CVE-2022-26320)"
    return ""


def _has_close_factors(modulus: int) -> bool:
    """Tell whether Fermat's method finds the factors within a few steps."""
    middle = isqrt(modulus - 1) + 1
    for _ in range(_ROUNDS):
        square = middle * middle - modulus
        if isqrt(square) ** 2 == square:
            return True
        middle += 1
    return False
