"""Commands that a person runs in a thread: alone, beside a turn, stopped, and what a model learns of them."""

from __future__ import annotations

from pathlib import Path

from server.providers.scripted import Gate, Response, completed, message
from tests.support.commands import DONE, HOMELESS, commands, ended, over, read, started
from tests.support.harness import running
from tests.support.processes import is_alive, pids_in, until


async def test_a_person_runs_a_command_in_a_turn_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path / "home", DONE, config=HOMELESS) as server:
        client, thread = await started(server, tmp_path / "work", sandbox="read-only")
        await client.call("thread/shellCommand", threadId=thread, command=" echo out > here; cat here; exit 3 ")
        turn = (await client.hear("turn/completed"))["turn"]
        assert turn["status"] == "completed"
        (item,) = commands(client)
        assert (item["source"], item["exitCode"], item["aggregatedOutput"]) == ("userShell", 3, "out\n")
        assert [each | {"id": ""} for each in await read(client, thread)] == [item | {"id": ""}]
        await client.run_turn(thread, "what was that?")
        records = [part["text"] for item in server.provider.requests[0].input for part in item.get("content", [])]
        (record,) = [text for text in records if text.startswith("<user_shell_command>")]
        assert "<command>\necho out > here; cat here; exit 3\n</command>\n<result>\nExit code: 3\nDuration: " in record
        assert record.endswith("Output:\nout\n\n</result>\n</user_shell_command>")


async def test_a_persons_command_in_a_turn_makes_the_model_answer_again(tmp_path: Path) -> None:
    gate = Gate()
    held: Response = [message(deltas=["one ", gate, "two"]), completed()]
    async with running(tmp_path / "home", held, DONE, config=HOMELESS) as server:
        client, thread = await started(server, tmp_path / "work")
        turn = await client.start_turn(thread, "go")
        await client.hear("item/agentMessage/delta")
        await client.call("thread/shellCommand", threadId=thread, command="echo beside")
        told = await ended(client)
        assert told["turnId"] == turn
        gate.open()
        await client.hear("turn/completed")
        assert len(server.provider.requests) == 2
        last = server.provider.requests[1].input[-1]
        assert last["content"][0]["text"].startswith("<user_shell_command>\n<command>\necho beside\n")


async def test_a_persons_command_is_stopped_and_input_meanwhile_is_the_next_turn(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with running(tmp_path / "home", DONE, config=HOMELESS) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.call("thread/shellCommand", threadId=thread, command=f"echo $$ >> {pids}; exec sleep 60")
        (pid,) = await pids_in(pids)
        turn = (await client.hear("turn/started"))["turn"]["id"]
        later = await client.start_turn(thread, "then this")
        assert later != turn
        await client.call("turn/interrupt", threadId=thread, turnId=turn)
        await over(client, id=turn, status="interrupted")
        await over(client, id=later, status="completed")
        await until(lambda: not is_alive(pid))
        (item,) = commands(client)
        assert (item["status"], item["exitCode"]) == ("failed", -1)
        assert item["aggregatedOutput"] == "command aborted by user"


async def test_a_persons_command_has_a_time(tmp_path: Path) -> None:
    async with running(tmp_path / "home", config=HOMELESS) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.call("thread/shellCommand", threadId=thread, command="exec sleep 60", timeoutMs=100)
        await client.hear("turn/completed")
        assert commands(client)[0]["exitCode"] == 124
