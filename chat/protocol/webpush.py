"""Web push on the wire: a message that only the browser can read (RFC 8291), and who sends it (RFC 8292)."""

import base64
import binascii
import json
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE: Final = ec.SECP256R1()
RECORD: Final = 4096  # bytes, of which 103 are ours
LARGEST: Final = RECORD - 103
LAST: Final = b"\x02"  # what ends the only record


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """ValueError for what is no base64url."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)


def are_keys(p256dh: str, auth: str) -> bool:
    """Whether a browser's keys are keys."""
    if len(p256dh.rstrip("=")) + 1 < len(p256dh) or len(auth.rstrip("=")) + 2 < len(auth):
        return False  # more padding than belongs there
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(p256dh))
        return len(decode(p256dh)) == 65 and len(decode(auth)) == 16
    except (ValueError, binascii.Error):
        return False


def new_key() -> str:
    """A private key, to be kept."""
    return encode(ec.generate_private_key(CURVE).private_numbers().private_value.to_bytes(32, "big"))


def public(key: str) -> str:
    """The other half of a private key, which a browser is given."""
    return encode(_point(_private(key).public_key()))


def encrypt(message: bytes, *, p256dh: str, auth: str, salt: bytes, key: str) -> bytes:
    """The body of a request. `salt` (16 bytes) and `key` are new for each message. ValueError above LARGEST bytes."""
    if len(message) > LARGEST:
        raise ValueError(f"{len(message)} bytes are more than {LARGEST}")
    own, theirs = _private(key), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(p256dh))
    points = _point(theirs) + _point(own.public_key())
    secret = _derived(own.exchange(ec.ECDH(), theirs), salt=decode(auth), info=b"WebPush: info\0" + points, length=32)
    content_key = _derived(secret, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derived(secret, salt=salt, info=b"Content-Encoding: nonce\0", length=12)
    sealed = AESGCM(content_key).encrypt(nonce, message + LAST, None)
    return salt + RECORD.to_bytes(4, "big") + bytes([65]) + _point(own.public_key()) + sealed


def authorization(*, audience: str, expires: int, contact: str, key: str) -> str:
    """The header that says who sends it. `audience` is the push service's origin, `expires` in seconds since 1970, a day ahead at
    most; `contact` an https: or mailto: address.
    """
    parts = ({"typ": "JWT", "alg": "ES256"}, {"aud": audience, "exp": expires, "sub": contact})
    signed = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    r, s = decode_dss_signature(_private(key).sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"vapid t={signed}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}, k={public(key)}"


def _derived(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def _private(key: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decode(key), "big"), CURVE)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
