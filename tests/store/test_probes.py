"""The newest probe of a server says what it can do."""

import pytest

from chat.store import probes

pytestmark = pytest.mark.django_db


def test_the_newest_probe_of_a_server_counts_and_what_was_not_found_out_is_not_known() -> None:
    here = "https://models.example/v1"
    assert probes.capabilities(here) == {}
    probes.keep(server=here, model="m", found={"store": {"can": True}, "chain": {"can": True}}, by=None)
    probes.keep(server=here, model="m", found={"store": {"can": True}, "chain": {"can": False}, "image": {"can": None}}, by=None)
    probes.keep(server="https://elsewhere.example/v1", model="m", found={"image": {"can": True}}, by=None)
    assert probes.capabilities(here) == {"store": True, "chain": False}
