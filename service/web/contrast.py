"""Legible color pairs (WCAG 2.2 sections 1.4.3 and 1.4.11). Colors are written `#rrggbb`."""

LEGIBLE = 4.5
"""The least contrast ratio of text and background."""

_STEPS = 32


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def legible(color: str, ground: str) -> str:
    """Return `color`, mixed with as much black or white as it needs to be legible on the background `ground`."""
    end = ink(ground)
    for step in range(_STEPS):
        mixed = _mixed(color, end, step / _STEPS)
        if contrast(mixed, ground) >= LEGIBLE:
            return mixed
    return end


def ink(ground: str) -> str:
    """Return black or white, whichever has more contrast with `ground`. One of them is always legible."""
    return max("#ffffff", "#000000", key=lambda text: contrast(text, ground))


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part / 255) for part in bytes.fromhex(color[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(bytes.fromhex(color[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + bytes(round(one + (two - one) * share) for one, two in pairs).hex()
