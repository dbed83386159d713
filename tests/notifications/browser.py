"""A browser that wants to be told, and its push service. It opens what comes as RFC 8291 says, apart from how we seal it."""

import asyncio
import base64
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Browser:
    """`endpoint` is filled in when the push service listens; `answers` are its statuses, the last one stays."""

    endpoint: str = ""
    answers: list[int] = field(default_factory=lambda: [201])
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))
    asked: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def subscription(self) -> dict[str, str]:
        return {"endpoint": self.endpoint, "p256dh": b64(self.point()), "auth": b64(self.auth)}

    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        status = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(request)
        writer.write(f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        self.came.set()

    async def next(self) -> None:
        async with asyncio.timeout(10):
            await self.came.wait()
        self.came.clear()

    def headers(self, number: int = -1) -> dict[str, str]:
        head = self.asked[number].split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}

    def opened(self, number: int = -1) -> Any:
        """What a message says."""
        body = self.asked[number].split(b"\r\n\r\n", 1)[1]
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        secret = derive(shared, self.auth, b"WebPush: info\x00" + self.point() + theirs, 32)
        nonce = derive(secret, salt, b"Content-Encoding: nonce\x00", 12)
        plain = AESGCM(derive(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)).decrypt(nonce, sealed, None)
        text, mark, padding = plain.rpartition(b"\x02")
        assert (mark, padding.strip(b"\0")) == (b"\x02", b"")
        return json.loads(text)

    def signed(self, number: int = -1) -> tuple[dict[str, Any], str]:
        """What the sender says of itself, once its signature is right, and the key that this is by."""
        scheme, _, rest = self.headers(number)["authorization"].partition(" ")
        parts = dict(part.split("=", 1) for part in rest.replace(",", "").split())
        signed, _, signature = parts["t"].rpartition(".")
        head, claims = (json.loads(unb64(part)) for part in signed.split("."))
        assert (scheme, head) == ("vapid", {"typ": "JWT", "alg": "ES256"})
        raw = unb64(signature)
        whole = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
        key.verify(whole, signed.encode(), ec.ECDSA(SHA256()))
        return claims, parts["k"]


def derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
