"""A notification that only its browser can read, signed by who sends it: with the example that RFC 8291 gives."""

import pytest

from chat.protocol import webpush

# RFC 8291, appendix A
PLAIN = b"When I grow up, I want to be a watermelon"
KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
SALT, KEY = "DGv6ra1nlYgDCS1FRnbzlw", "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_it_is_sealed_as_the_rfc_does_it() -> None:
    assert webpush.encode(webpush.encrypt(PLAIN, salt=webpush.decode(SALT), key=KEY, **KEYS)) == SEALED


def test_what_is_too_long_for_one_record_is_refused() -> None:
    most = webpush.encrypt(b"x" * webpush.LARGEST, salt=bytes(16), key=KEY, **KEYS)
    assert len(most) == 86 + webpush.LARGEST + 17 == webpush.RECORD
    with pytest.raises(ValueError):
        webpush.encrypt(b"x" * (webpush.LARGEST + 1), salt=bytes(16), key=KEY, **KEYS)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", ""),
        (KEYS["p256dh"], "short"),
        (KEYS["p256dh"], KEYS["auth"] + "AAAA"),
        (KEYS["p256dh"][:-2] + "5w", KEYS["auth"]),
        (KEYS["p256dh"][:40], KEYS["auth"]),
        ("A" * 87, KEYS["auth"]),
        (KEYS["p256dh"] + "é", KEYS["auth"]),
        ("!" * 87, "?" * 22),
    ],
)
def test_keys_that_are_none_are_known(p256dh: str, auth: str) -> None:
    assert webpush.are_keys(**KEYS)
    assert not webpush.are_keys(p256dh, auth)
