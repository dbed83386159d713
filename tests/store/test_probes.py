"""The newest probe of a server says what it can do."""

import pytest

from chat.models import Probe
from chat.store import probes

pytestmark = pytest.mark.django_db


def test_the_newest_probe_of_a_server_counts_and_what_was_not_found_out_is_not_known() -> None:
    here = "https://models.example/v1"
    assert probes.capabilities(here) == {}
    probes.keep(server=here, model="m", found={"store": {"can": True}, "chain": {"can": True}}, by=None)
    probes.keep(server=here, model="m", found={"store": {"can": True}, "chain": {"can": False}, "image": {"can": None}}, by=None)
    probes.keep(server="https://elsewhere.example/v1", model="m", found={"image": {"can": True}}, by=None)
    assert probes.capabilities(here) == {"store": True, "chain": False}


def test_a_probe_that_told_nothing_and_one_that_is_not_made_yet_change_nothing() -> None:
    here = "https://models.example/v1"
    probes.keep(server=here, model="m", found={"store": {"can": True}}, by=None)
    probes.keep(server=here, model="m", found={"store": {"can": None}}, by=None)
    Probe.objects.create(server=here, state="queued")
    assert probes.capabilities(here) == {"store": True}


def test_only_what_a_probe_had_found_is_contradicted_and_where_the_model_matters_only_its_own() -> None:
    here = "https://models.example/v1"
    assert not probes.contradict(server=here, name="store")
    found = {name: {"can": can, "said": "As it is.", "seconds": 0} for name, can in (("store", False), ("reasoning", True))}
    probes.keep(server=here, model="m", found=found, by=None)
    assert not probes.contradict(server=here, name="store")
    assert not probes.contradict(server=here, name="reasoning", model="another")
    assert probes.contradict(server=here, name="reasoning", model="m")
    assert probes.capabilities(here) == {"store": False, "reasoning": False}


def test_the_last_fifty_of_a_server_are_kept() -> None:
    for number in range(52):
        probes.keep(server="https://models.example/v1", model=str(number), found={}, by=None)
    other = probes.keep(server="https://elsewhere.example/v1", model="m", found={}, by=None)
    assert probes.purge() == 2
    assert probes.purge() == 0
    assert set(Probe.objects.values_list("model", flat=True)) == {str(number) for number in range(2, 52)} | {other.model}
