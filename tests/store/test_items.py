"""Whatever item a server invents has room in our tables."""

import pytest

from chat.models import Item
from chat.models.ids import new_id
from chat.protocol import events as wire
from chat.protocol.normalize import Normalizer
from chat.protocol.types import dump_item


@pytest.mark.parametrize("kind", ["web_search_call", "image_generation_call", "acme:receipt", "x" * 500, "é" * 90])
def test_the_id_of_an_item_of_any_type_fits(kind: str) -> None:
    normalizer = Normalizer(response_id="resp_1", model="m", new_id=new_id, created_at=0)
    event = wire.parse({"type": "response.output_item.added", "output_index": 0, "item": {"type": kind, "id": "theirs"}})
    normalizer.feed(event)
    (item,) = normalizer.snapshot.output
    assert len(str(item.id)) <= (Item._meta.get_field("id").max_length or 0)


def test_numbers_that_json_does_not_know_do_not_reach_the_database() -> None:
    item_text = '{"type":"acme:x","id":"a","n":NaN,"m":-Infinity,"t":"a\\u0000b"}'
    text = f'{{"type":"response.output_item.done","output_index":0,"item":{item_text}}}'
    normalizer = Normalizer(response_id="resp_1", model="m", new_id=new_id, created_at=0)
    normalizer.feed(wire.parse(text))
    (item,) = normalizer.snapshot.output
    kept = str(dump_item(item))
    assert "nan" not in kept
    assert "inf" not in kept
    assert "\x00" not in kept
