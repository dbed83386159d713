"""What servers answer that nobody expects, of files that are left with them: no row is lost, and nothing that is wanted goes."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat.models import LONGEST_NAME, FileUse, Kept
from chat.store import copies, pool, probes
from tests.runs.conftest import House
from tests.runs.test_copies import LARGE, OTHER, again, asked, brisk, content, copied, keeps_files, late, purge
from tests.runs.test_kept import eventually, talk
from tests.runs.test_sending import image, show
from tests.scripted_files import Cabinet

__all__ = ["brisk"]


@dataclass
class Naming(Cabinet):
    """One that calls files what it likes, and says so `more` of them."""

    names: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    def _keep(self, request: Any) -> dict[str, Any]:
        made = super()._keep(request)
        del self.kept[made["id"]]
        if self.names:
            made["id"], *rest = self.names
            self.names = tuple(rest)
        self.kept[made["id"]] = made
        return made | self.more


async def can_files(house: House) -> bool:
    return (await pool.for_readers(probes.capabilities, house.scripted.base_url))["files"]


@pytest.mark.parametrize("name", ["datei-ü1", "f" * LONGEST_NAME])
async def test_one_whose_name_cannot_be_kept_is_not_used_and_told(house: House, name: str) -> None:
    house.scripted.cabinet = Naming(names=(name,))
    await keeps_files(house)
    begun = await show(house, await image(house, LARGE))
    assert not await again(house, begun)
    assert not [one for one in asked(house) if "file_id" in str(one)]
    await eventually(lambda: Kept.objects.get(kind="file").state == "remains")
    assert not await can_files(house)


async def test_of_two_that_are_called_the_same_neither_is_used(house: House) -> None:
    house.scripted.cabinet = Naming(names=("file-1", "file-1"))
    await keeps_files(house)
    first = await show(house, await image(house, LARGE))
    await show(house, await image(house, OTHER))
    assert "image_url" in content(house)[1]
    await show(house, text="And?", into=first)
    assert "image_url" in content(house, at=0)[1]
    assert not await can_files(house)
    await eventually(lambda: not Kept.objects.filter(kind="file").exclude(state="gone").exists())
    assert not house.scripted.cabinet.kept


async def test_however_many_stand_where_nothing_uses_them_one_purge_moves_all(house: House, monkeypatch: Any) -> None:
    monkeypatch.setattr(copies, "SLICE", 3)
    await keeps_files(house)
    first = await show(house, await image(house, LARGE))
    second = await show(house, await image(house, LARGE))
    (row,) = await copied()

    def make() -> None:
        FileUse.objects.filter(item=first.response.input_id).delete()
        for number in range(20):
            row.pk, row.server = None, f"http://{number}.example"
            row.file_id = None if number in (1, 2, 3, 4, 15) else second_file
            row.save(force_insert=True)

    second_file = row.file_id
    await pool.for_readers(make)
    await purge()
    standing = await pool.for_readers(lambda: list(Kept.objects.filter(kind="file", state="kept")))
    assert {one.conversation_id for one in standing} == {second.conversation.pk}
    assert len(standing) == 16


async def test_times_that_are_no_numbers_are_none(house: House) -> None:
    house.scripted.cabinet = Naming(more={"created_at": 1.5, "expires_at": 10**400})
    await keeps_files(house)
    await show(house, await image(house, LARGE))
    assert [row.state for row in await copied()] == ["kept"]


async def test_one_name_that_begins_like_another_is_another(house: House) -> None:
    house.scripted.cabinet = Naming(names=("file-1", "file-12"))
    await keeps_files(house)
    begun = await show(house, await image(house, LARGE), await image(house, OTHER))
    assert len(house.scripted.cabinet.kept) == 2
    del house.scripted.cabinet.kept["file-12"]
    assert await again(house, begun)
    await eventually(lambda: Kept.objects.filter(state="gone", upstream_id="file-12").exists())
    assert "file-1" in house.scripted.cabinet.kept


async def test_a_name_with_the_mark_in_it_is_found_again(house: House) -> None:
    house.scripted.cabinet.refusals["POST"] = ["drop"]
    await keeps_files(house)
    await show(house, await image(house, LARGE))
    (row,) = await copied()
    (made,) = house.scripted.cabinet.kept.values()
    made["id"] = f"{row.upstream_id}-7"
    house.scripted.cabinet.kept = {made["id"]: made}
    house.scripted.cabinet.refusals["DELETE"] = [503] * 2
    await late()
    await eventually(lambda: Kept.objects.filter(kind="file", attempts__gt=0, error__gt="").exclude(error=copies.BROKEN).exists())
    house.scripted.cabinet.refusals.clear()
    await late(created=timezone.now() - timedelta(seconds=copies.SETTLED + 1))
    await eventually(lambda: not Kept.objects.filter(kind="file", state="due").exists())
    assert not house.scripted.cabinet.kept


@pytest.mark.parametrize("why", ["busy", "chain"])
async def test_one_failure_that_may_have_another_reason_teaches_nothing_of_copies_and_two_do(house: House, why: str) -> None:
    await keeps_files(house, chain=True)
    refuse = "[[error=503 times=2]]" if why == "busy" else '[[error=400 message="No such earlier answer." times=1]]'
    tried = []
    for data in (LARGE, OTHER, LARGE * 2):
        begun = await talk(house, "First", model="scripted") if why == "chain" else None
        house.scripted.times.clear()
        before = len(asked(house))
        shown = await show(house, await image(house, data), text=refuse if len(tried) < 2 else "Look", into=begun)
        assert (await house.ended(shown.response.pk)).status == "completed"
        tried.append("file_id" in str(asked(house)[before:]))
    assert tried == [True, True, False]
