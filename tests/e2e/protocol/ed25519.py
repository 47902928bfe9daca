# SPDX-License-Identifier: Apache-2.0
"""Ed25519 from RFC 8032 in plain numbers: for tests, slow and not silent about its keys."""
import hashlib

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, PRIME) % PRIME
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    """Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z (section 5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0])
    b = (p[1] + p[0]) * (q[1] + q[0])
    c = 2 * p[3] * q[3] * D
    d = 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def times(number, point):
    result = NEUTRAL
    for bit in bin(number)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def encode(point):
    inverse = pow(point[2], -1, PRIME)
    x, y = point[0] * inverse % PRIME, point[1] * inverse % PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


def base_point():
    """y = 4/5 and the even x: a root of (y^2 - 1) / (d*y^2 + 1)."""
    y = 4 * pow(5, -1, PRIME) % PRIME
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if x * x % PRIME != square:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    if x & 1:
        x = PRIME - x
    return x, y, 1, x * y % PRIME


BASE = base_point()


def hash_number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def secret_of(seed):
    digest = hashlib.sha512(seed).digest()
    number = int.from_bytes(digest[:32], "little")
    return number & ~7 & (1 << 254) - 1 | 1 << 254, digest[32:]


def public_key(seed):
    return encode(times(secret_of(seed)[0], BASE))


def sign(seed, message):
    number, prefix = secret_of(seed)
    nonce = hash_number(prefix, message) % ORDER
    first = encode(times(nonce, BASE))
    challenge = hash_number(first, public_key(seed), message)
    return first + ((nonce + challenge * number) % ORDER).to_bytes(32, "little")
