"""Commands that a model runs: shown from start to end, kept, asked about, confined, and gone when they should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from protocol.dialects.versions import V0_147
from tests.support.commands import (
    DONE,
    KNOWN,
    answers,
    begun,
    calls,
    commands,
    ended,
    of_command,
    output,
    over,
    read,
    run,
    script,
    started,
)
from tests.support.harness import CONFIG, running
from tests.support.processes import is_alive, pids_in, until


async def test_a_command_is_shown_from_its_start_to_its_end_and_kept(tmp_path: Path) -> None:
    async with running(tmp_path / "home", run("echo out; echo err >&2; exit 3"), DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        told = of_command(client)
        assert (told[0], told[-1]) == ("started", "completed")
        assert set(told[1:-1]) == {"outputDelta"}
        assert output(client) == "out\nerr\n"
        (item,) = commands(client)
        assert item["command"] == "/bin/bash -c 'echo out; echo err >&2; exit 3'" or "sh -c" in item["command"]
        assert (item["status"], item["exitCode"], item["source"]) == ("failed", 3, "unifiedExecStartup")
        assert (item["cwd"], item["aggregatedOutput"]) == (str(tmp_path / "work"), "out\nerr\n")
        (answer,) = answers(server)
        lines = answer.split("\n")
        assert [line.partition(":")[0] for line in lines[:2]] == ["Chunk ID", "Wall time"]
        expected = ["Process exited with code 3", "Original token count: 2", "Output:", "out", "err", ""]
        assert lines[2:] == expected
        live = item | {"id": ""}
        assert [each | {"id": ""} for each in await read(client, thread)] == [live]
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert [each | {"id": ""} for each in await read(client, thread)] == [live]


async def test_commands_of_one_answer_run_beside_each_other(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    both = calls(
        ("exec_command", {"cmd": f"echo one > {fifo}", "login": False}),
        ("exec_command", {"cmd": f"cat {fifo}", "login": False}),
    )
    async with running(tmp_path / "home", both, DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        assert sorted(item["id"] for item in commands(client)) == ["call-0", "call-1"]
        one, two = answers(server)
        assert one.endswith("Output:\n")
        assert two.endswith("Output:\none\n")


async def test_a_model_types_into_a_terminal_that_outlived_its_turn(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with running(home, run("read a; echo got $a; exit 2", tty=True, yield_time_ms=250), DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        turn = (await client.run_turn(thread, "go"))["id"]
        (told,) = answers(server)
        number = int(told.partition("session ID ")[2].split()[0])
        word = calls(("write_stdin", {"session_id": number, "chars": "word\n", "yield_time_ms": 5000}))
        server.provider.push(word, DONE)
        await client.run_turn(thread, "type")
        (given,) = client.heard("item/commandExecution/terminalInteraction")
        assert (given["itemId"], given["processId"], given["stdin"]) == ("call-0", str(number), "word\n")
        assert given["turnId"] != turn
        assert answers(server)[-1].endswith("got word\r\n")
        assert "Process exited with code 2" in answers(server)[-1]
        (item,) = commands(client)
        assert (item["processId"], item["exitCode"]) == (str(number), 2)
        server.provider.push(calls(("write_stdin", {"session_id": number})), DONE)
        await client.run_turn(thread, "again")
        assert answers(server)[-1] == f"write_stdin failed: Unknown process id {number}"


@pytest.mark.since(V0_147)  # the first that lists them
async def test_a_command_that_goes_on_ends_under_its_turn_for_all_who_follow_then(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    async with running(tmp_path / "home", run(f"cat {gate}", yield_time_ms=250), DONE, DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        turn = (await client.run_turn(thread, "go"))["id"]
        assert "Process running with session ID" in answers(server)[0]
        later = await server.client()
        await later.call("thread/resume", threadId=thread)
        listed = (await client.call("thread/backgroundTerminals/list", threadId=thread))["data"]
        assert [each["itemId"] for each in listed] == ["call-0"]
        await client.run_turn(thread, "next")
        gate.write_text("late\n")
        for each in (client, later):
            told = await ended(each)
            assert (told["turnId"], told["item"]["aggregatedOutput"]) == (turn, "late\n")
        again = await server.client()
        turns = (await again.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert ["commandExecution" in [item["type"] for item in each["items"]] for each in turns] == [True, False]
        assert (await client.call("thread/backgroundTerminals/list", threadId=thread))["data"] == []
        live = await read(client, thread)
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert [each | {"id": ""} for each in await read(client, thread)] == [each | {"id": ""} for each in live]


STUBBORN = "trap '' TERM INT; echo $$ >> {0}; setsid sh -c 'echo $$ >> {0}; sleep 60' & sleep 60; sleep 60"


@pytest.mark.parametrize("way", ["clean", "archive"])
async def test_commands_that_go_on_end_when_somebody_wants_it(tmp_path: Path, way: str) -> None:
    pids = tmp_path / "pids"
    async with running(tmp_path / "home", run(STUBBORN.format(pids), yield_time_ms=250), DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.start_turn(thread, "go")
        found = await pids_in(pids, 2)
        if way == "clean":
            await client.call("thread/backgroundTerminals/clean", threadId=thread)
            told = await ended(client)
            assert (told["item"]["status"], told["item"]["exitCode"]) == ("failed", -1)
        else:
            await client.hear("turn/completed")
            await client.call("thread/archive", threadId=thread)
        await until(lambda: not any(is_alive(pid) for pid in found))


@pytest.mark.since(V0_147)  # the first that ends single ones
async def test_one_command_that_goes_on_ends_when_somebody_wants_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with running(tmp_path / "home", run(STUBBORN.format(pids), yield_time_ms=250), DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.start_turn(thread, "go")
        found = await pids_in(pids, 2)
        process = (await begun(client))["item"]["processId"]
        one = await client.call("thread/backgroundTerminals/terminate", threadId=thread, processId=process)
        assert one == {"terminated": True}
        await until(lambda: not any(is_alive(pid) for pid in found))
        told = await ended(client)
        assert (told["item"]["status"], told["item"]["exitCode"]) == ("failed", -1)
        none = await client.call("thread/backgroundTerminals/terminate", threadId=thread, processId="x")
        assert none == {"terminated": False}


@pytest.mark.since(V0_147)  # the first that lists them
async def test_an_interrupt_leaves_a_terminal_and_ends_a_command_that_is_waited_for(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    both = calls(
        ("exec_command", {"cmd": f"echo $$ >> {pids}; exec sleep 60", "login": False}),
        ("shell_command", {"command": f"echo $$ >> {pids}; exec sleep 61", "login": False, "timeout_ms": 60_000}),
    )
    async with running(tmp_path / "home", both) as server:
        client, thread = await started(server, tmp_path / "work")
        turn = await client.start_turn(thread, "go")
        found = await pids_in(pids, 2)
        await client.call("turn/interrupt", threadId=thread, turnId=turn)
        await over(client, status="interrupted")
        await until(lambda: sum(map(is_alive, found)) == 1)
        assert len((await client.call("thread/backgroundTerminals/list", threadId=thread))["data"]) == 1
    assert not any(map(is_alive, found))


async def test_a_flood_is_cut_for_the_model_and_for_clients(tmp_path: Path) -> None:
    flood = run("head -c 20000000 /dev/zero | tr '\\0' 'x'; echo; echo end")
    async with running(tmp_path / "home", flood, DONE, config=KNOWN) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        (item,) = commands(client)
        assert "bytes left out" in item["aggregatedOutput"]
        assert len(item["aggregatedOutput"]) < (1 << 20) + 100
        (answer,) = answers(server)
        assert "Original token count: 5000002" in answer
        assert "tokens truncated" in answer
        assert answer.endswith("x\nend\n")
        assert len(answer) < 41_000


async def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    async with running(tmp_path / "home", run(r"printf 'a\377\000b'"), DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        assert output(client) == commands(client)[0]["aggregatedOutput"] == "a\ufffd\0b"
        assert answers(server)[0].endswith("Output:\na\ufffd\0b")


async def test_a_command_that_is_waited_for_says_how_it_ended(tmp_path: Path) -> None:
    late = script("echo out; exec sleep 60", timeout_ms=200)
    async with running(tmp_path / "home", script("echo err >&2; echo out; exit 3"), late, DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        first, second = commands(client)
        assert (first["exitCode"], first["processId"], first["source"]) == (3, None, "agent")
        assert first["aggregatedOutput"] == "out\nerr\n"
        assert (second["exitCode"], second["status"], second["aggregatedOutput"]) == (124, "failed", "out\n")
        one, two = answers(server)
        assert one.startswith("Exit code: 3\nWall time: ")
        assert one.endswith(" seconds\nOutput:\nout\nerr\n")
        assert two.startswith("Exit code: 124\n")
        assert "\nOutput:\ncommand timed out after " in two
        assert two.endswith(" milliseconds\nout\n")


@pytest.mark.parametrize("name", ["shell", "local_shell", "container.exec"])
async def test_a_program_runs_under_every_name_that_models_know(tmp_path: Path, name: str) -> None:
    called = calls((name, {"command": ["printf", "x"]}))
    async with running(tmp_path / "home", called, DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        assert answers(server)[0].endswith("Output:\nx")
        assert commands(client)[0]["command"] == "printf x"


async def test_what_cannot_be_started_says_so(tmp_path: Path) -> None:
    nowhere = run("true", workdir="/nowhere")
    program = calls(("shell", {"command": ["/nowhere"]}))
    async with running(tmp_path / "home", nowhere, program, DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        assert [item["status"] for item in commands(client)] == ["failed", "failed"]
        assert all("No such file" in answer for answer in answers(server))


async def test_which_tools_are_offered_is_configured(tmp_path: Path) -> None:
    for features, names in (
        ("", ["exec_command", "write_stdin"]),
        ("[features]\nunified_exec = false\n", ["shell"]),
        ("[features]\nshell_tool = false\n", []),
    ):
        async with running(tmp_path / "home", DONE, config=CONFIG + features) as server:
            client, thread = await started(server, tmp_path / "work")
            await client.run_turn(thread, "go")
            offered = [tool["name"] for tool in server.provider.requests[0].tools]
            assert [
                name for name in offered if name in ("exec_command", "write_stdin", "shell", "shell_command")
            ] == names


async def test_a_patch_in_a_shell_is_a_patch(tmp_path: Path) -> None:
    patch = "*** Begin Patch\n*** Add File: new.txt\n+one\n*** End Patch"
    async with running(tmp_path / "home", run(f"apply_patch <<'EOF'\n{patch}\nEOF\n"), DONE) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        assert (tmp_path / "work" / "new.txt").read_text() == "one\n"
        assert commands(client) == []
        items = server.provider.requests[-1].input
        kinds = [item["type"] for item in items[-3:]]
        assert kinds == ["function_call", "function_call_output", "message"]
        assert items[-1]["content"][0]["text"].startswith("Warning: ")


# -- asking ------------------------------------------------------------------------------------------------------------

ASKED = "item/commandExecution/requestApproval"


async def test_a_command_that_needs_it_waits_for_a_person(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with running(home, run("touch here"), run("touch here"), run("touch there"), DONE) as server:
        client, thread = await started(server, tmp_path / "work", approvalPolicy="untrusted")
        await client.start_turn(thread, "go")
        question = await client.asked(ASKED)
        assert question["params"]["itemId"] == "call-0"
        assert "touch here" in question["params"]["command"]
        assert of_command(client)[0] == "started"
        assert client.heard("item/started")[-1]["item"]["source"] == "agent"
        assert not (tmp_path / "work" / "here").exists()
        await client.answer(question, decision="acceptForSession")
        second = await client.asked(ASKED)
        assert "touch there" in second["params"]["command"]
        await client.answer(second, decision="decline")
        await client.hear("turn/completed")
        assert (tmp_path / "work" / "here").exists()
        assert not (tmp_path / "work" / "there").exists()
        assert [item["status"] for item in commands(client)] == ["completed", "completed", "declined"]
        assert (commands(client)[0]["source"], commands(client)[2]["exitCode"]) == ("unifiedExecStartup", None)
        assert answers(server)[-1] == "exec command rejected by user"


async def test_a_person_can_end_the_turn_by_what_they_answer(tmp_path: Path) -> None:
    async with running(tmp_path / "home", script("touch here")) as server:
        client, thread = await started(server, tmp_path / "work", approvalPolicy="untrusted")
        await client.start_turn(thread, "go")
        await client.answer(await client.asked(ASKED), decision="cancel")
        await over(client, status="interrupted")
        assert [item["status"] for item in commands(client)] == ["declined"]
        assert not (tmp_path / "work" / "here").exists()


async def test_words_that_a_person_allows_are_remembered(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with running(home, run("touch a"), run("touch b"), DONE) as server:
        client, thread = await started(server, tmp_path / "work", approvalPolicy="untrusted")
        await client.start_turn(thread, "go")
        allowed = {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["touch"]}}
        await client.answer(await client.asked(ASKED), decision=allowed)
        await client.hear("turn/completed")
        assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["a", "b"]
        assert 'prefix_rule(pattern=["touch"], decision="allow")' in (home / "rules" / "default.rules").read_text()
        items = server.provider.requests[1].input
        assert [item["type"] for item in items[-3:]] == ["function_call", "function_call_output", "message"]
        assert "Approved command prefix saved" in items[-1]["content"][0]["text"]


async def test_what_nobody_may_be_asked_about_is_not_run(tmp_path: Path) -> None:
    forbidden = run("touch x", sandbox_permissions="require_escalated")
    async with running(tmp_path / "home", forbidden, DONE) as server:
        client, thread = await started(server, tmp_path / "work", sandbox="workspace-write")
        await client.run_turn(thread, "go")
        assert commands(client) == []
        assert "approval policy" in answers(server)[0]


@pytest.mark.sandbox
async def test_a_command_runs_within_walls_and_again_without_if_a_person_says_so(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    refused = run(f"echo x > {outside}")
    async with running(tmp_path / "home", refused, refused, DONE) as server:
        client, thread = await started(server, tmp_path / "work", sandbox="read-only")
        await client.start_turn(thread, "go")
        first = await ended(client)
        assert first["item"]["status"] == "failed"
        assert not outside.exists()
        await client.hear("turn/completed")
    async with running(tmp_path / "home2", refused, DONE) as server:
        client, thread = await started(server, tmp_path / "work", sandbox="read-only", approvalPolicy="on-failure")
        await client.start_turn(thread, "go")
        question = await client.asked(ASKED)
        assert "sandbox" in question["params"]["reason"]
        await client.answer(question, decision="accept")
        await client.hear("turn/completed")
        assert outside.read_text() == "x\n"
        assert of_command(client) == ["started", "requestApproval", "completed"]
        assert [item["status"] for item in commands(client)] == ["completed"]
