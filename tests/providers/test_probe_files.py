"""Whether a server keeps files is found with one that is deleted again; what cannot be deleted is told."""

import asyncio
from typing import Any

import pytest

from chat.protocol.client import Client
from chat.providers.probing import Ledger, Made, probe
from tests import scripted_wire as wire
from tests.providers.test_probe import QUICK, can, found_at, server


async def test_one_is_sent_listed_named_had_and_deleted() -> None:
    with server() as there:
        found = await found_at(there)
        assert found["files"]["can"] is True
        assert str(found["files"]["said"]).endswith("It says when it ends.")
        about = [one for one in there.requests if one.path.startswith("/v1/files")]
        assert [one.method for one in about] == ["POST", "GET", "GET", "DELETE", "GET"]
        assert about[0].body["expires_after[seconds]"] == "3600"
        (asked,) = [one.body for one in there.requests if "file_id" in str(one.body)]
        assert asked["store"] is False


async def test_a_model_that_sees_nothing_is_given_a_pdf_and_one_that_takes_neither_nothing() -> None:
    with server(broken={"image"}) as there:
        assert can(await found_at(there))["files"] is True
        assert [one.body["purpose"] for one in there.requests if one.file] == ["user_data"]
    with server(broken={"image", "input_file"}) as there:
        assert can(await found_at(there))["files"] is None
        assert not [one for one in there.requests if one.path.startswith("/v1/files")]


@pytest.mark.parametrize(
    ("lacks", "said"),
    [("list", "No such File"), ("delete", "it cannot be deleted"), ("get", "No such File"), ("ends", "does not say")],
)
async def test_what_it_lacks_is_told_and_what_is_left_there(lacks: str, said: str) -> None:
    with server() as there:
        there.cabinet.lacks.add(lacks)
        found = await found_at(there)
        assert found["files"]["can"] is (lacks == "ends")
        assert said in str(found["files"]["said"])
        assert ("a file is left there" in str(found["files"]["said"])) is bool(there.cabinet.kept) is (lacks == "delete")
        assert "replies are left" not in str(found["delete"]["said"])


@pytest.mark.parametrize("lists", [True, False])
async def test_one_that_was_never_answered_for_is_found_and_deleted_or_told(lists: bool) -> None:
    with server() as there:
        there.cabinet.refusals["POST"] = ["drop"]
        there.cabinet.lacks |= set() if lists else {"list"}
        found = await found_at(there)
        assert found["files"]["can"] is None
        assert (
            bool(there.cabinet.kept) is ("Whether a file of this probe is left there" in str(found["files"]["said"])) is not lists
        )


async def test_a_probe_that_is_cut_short_leaves_none() -> None:
    with server() as there:
        there.cabinet.refusals["DELETE"] = ["hang"]
        client = Client(there.base_url, timeouts=QUICK)
        asking = asyncio.create_task(probe(client))
        async with asyncio.timeout(20):
            while there.cabinet.refusals["DELETE"]:
                await asyncio.sleep(0.005)
        assert there.cabinet.kept
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await client.close()
        assert not there.cabinet.kept


class Noted(Ledger):
    def __init__(self) -> None:
        self.rows: dict[Made, str] = {}

    async def begin(self, made: Made) -> None:
        self.rows[made] = "due"

    async def named(self, mark: Made, made: Made) -> None:
        self.rows[made] = self.rows.pop(mark)

    async def refused(self, made: Made) -> None:
        self.rows[made] = "refused"

    async def gone(self, made: Made) -> None:
        self.rows[made] = "gone"

    async def leave(self) -> None:
        return


async def test_a_conversation_that_a_probe_made_while_it_was_cut_short_is_deleted() -> None:
    with server() as there:
        hold, began = there._hold, asyncio.Event()

        async def slowly(request: Any, path: str, lacks: set[str], writer: Any) -> None:
            if request.method != "POST":
                return await hold(request, path, lacks, writer)
            there.held.add("conv_1")
            began.set()
            await asyncio.sleep(0.3)
            await wire.send_json(writer, {"id": "conv_1", "object": "conversation"})

            return None

        there._hold = slowly  # type: ignore[method-assign]
        client, noted = Client(there.base_url, timeouts=QUICK), Noted()
        asking = asyncio.create_task(probe(client, ledger=noted))
        async with asyncio.timeout(20):
            while not began.is_set():
                await asyncio.sleep(0.005)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await client.close()
        await asyncio.sleep(0.5)
        assert not there.held


async def test_a_file_that_came_too_late_for_an_answer_may_be_there() -> None:
    with server() as there:
        there.cabinet.refusals["POST"] = [408]
        there.cabinet.lacks.add("list")
        client, noted = Client(there.base_url, timeouts=QUICK), Noted()
        await probe(client, ledger=noted)
        await client.close()
        assert [state for made, state in noted.rows.items() if made.place == "files"] == ["due"]


async def test_a_file_of_which_the_server_says_nothing_does_not_count_as_gone() -> None:
    with server() as there:
        answer = there.cabinet.answer

        async def mute(request: Any, writer: Any) -> None:
            if request.path.startswith("/v1/files/"):
                return await wire.send_error(writer, 404, message="There is no such page.")
            return await answer(request, writer)

        there.cabinet.answer = mute  # type: ignore[method-assign]
        client, noted = Client(there.base_url, timeouts=QUICK), Noted()
        _, found = await probe(client, ledger=noted)
        await client.close()
        assert there.cabinet.kept
        assert [state for made, state in noted.rows.items() if made.place == "files"] == ["due"]
        assert "a file is left there" in str(found["files"]["said"])
