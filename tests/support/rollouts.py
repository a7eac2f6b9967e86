"""Rollout files for tests: built line by line with fixed ids and times, or ready-made, one per thing that can happen.

``RolloutBuilder(home).turn("hi", "hello").write()`` -> :class:`Written`. Knows the rollout room and no server.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from protocol.wire import UNSET, UnsetType
from rollout import events
from rollout.lines import Compacted, Entry, GitState, ResponseItem, SessionMeta, TurnContext, encode_line, stamp
from rollout.paths import Home, new_rollout_path

BEGIN = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)
WINDOW = 190_000


class Written(NamedTuple):
    """A rollout on disk: its thread, where it is, and the ids of its explicit turns."""

    thread_id: str
    path: Path
    turn_ids: list[str]


def thread_id(number: int) -> str:
    """The id of the ``number``-th thread (a UUIDv7 of no particular time)."""
    return f"01900000-0000-7000-8000-{number:012x}"


def turn_id(thread: int, number: int) -> str:
    """The id of the ``number``-th turn (from 1) of a thread."""
    return f"01900000-0000-7000-9000-{thread:06x}{number:06x}"


def user_item(text: str) -> ResponseItem:
    """A user's message for the model."""
    content = [{"type": "input_text", "text": text}]
    return ResponseItem(payload={"type": "message", "role": "user", "content": content})


def assistant_item(text: str) -> ResponseItem:
    """An answer of the model."""
    content = [{"type": "output_text", "text": text}]
    return ResponseItem(payload={"type": "message", "role": "assistant", "content": content})


def call_items(call_id: str, output: str) -> list[Entry]:
    """A tool call and its output."""
    call = {"type": "function_call", "name": "exec_command", "arguments": '{"cmd":"ls"}', "call_id": call_id}
    answer = {"type": "function_call_output", "call_id": call_id, "output": output}
    return [ResponseItem(payload=call), ResponseItem(payload=answer)]


def command_end(call_id: str, turn: str, output: str = "out\n") -> events.ExecCommandEnd:
    """A command that ended well after 1.5 s."""
    return events.ExecCommandEnd(
        call_id=call_id,
        turn_id=turn,
        command=["/bin/bash", "-lc", "ls -l"],
        cwd="/project",
        parsed_cmd=[{"type": "list_files", "cmd": "ls -l", "path": None}],
        aggregated_output=output,
        exit_code=0,
        duration=events.Duration(secs=1, nanos=500_900_000),
    )


def usage_info(step: int = 0) -> events.TokenUsageInfo:
    """Usage in which every number is another, and other than those of every other step below 100."""
    total = events.TokenUsage(
        input_tokens=11_000 + step,
        cached_input_tokens=12_000 + step,
        output_tokens=13_000 + step,
        reasoning_output_tokens=14_000 + step,
        total_tokens=15_000 + step,
    )
    last = events.TokenUsage(
        input_tokens=1_100 + step,
        cached_input_tokens=1_200 + step,
        output_tokens=1_300 + step,
        reasoning_output_tokens=1_400 + step,
        total_tokens=1_500 + step,
    )
    return events.TokenUsageInfo(total_token_usage=total, last_token_usage=last, model_context_window=WINDOW + step)


def limits(percent: float = 12.5) -> events.RateLimits:
    """Limits with one window in use."""
    window = events.RateLimitWindow(used_percent=percent, window_minutes=300, resets_at=1_795_400_000)
    return events.RateLimits(limit_id="codex", primary=window)


def turn_context(turn: str | None, model: str = "mock-model") -> TurnContext:
    """The settings of a turn."""
    return TurnContext(
        turn_id=UNSET if turn is None else turn,
        cwd="/project",
        approval_policy="never",
        sandbox_policy={"type": "danger-full-access"},
        model=model,
        summary="auto",
        truncation_policy={"mode": "bytes", "limit": 10_000},
    )


class RolloutBuilder:
    """A rollout in the making. ``number`` sets the thread's id and, in seconds, when it was created."""

    def __init__(
        self,
        home: Path,
        *,
        number: int = 1,
        source: str | dict[str, Any] = "vscode",
        provider: str | None = "offline",
        cwd: str = "/project",
        git: GitState | None = None,
        forked_from: str | None = None,
        parent: str | None = None,
        originator: str = "tests",
        history_mode: str | UnsetType = UNSET,
        dynamic_tools: list[dict[str, Any]] | UnsetType = UNSET,
        with_meta: bool = True,
    ) -> None:
        self.number = number
        self.thread_id = thread_id(number)
        self.created = BEGIN + timedelta(seconds=number)
        self.turn_ids: list[str] = []
        self.entries: list[Entry] = []
        self._home = Home(home)
        self._lines: list[bytes] = []
        self._meta = SessionMeta(
            id=self.thread_id,
            forked_from_id=forked_from or UNSET,
            parent_thread_id=parent or UNSET,
            timestamp=stamp(self.created),
            cwd=cwd,
            originator=originator,
            cli_version="0.1.0",
            source=source,
            model_provider=provider,
            base_instructions={"text": "Be brief."},
            dynamic_tools=dynamic_tools,
            history_mode=history_mode,
            git=git or UNSET,
        )
        if with_meta:
            self.add(self._meta)

    @property
    def seconds(self) -> int:
        """The time of the next line, in unix seconds."""
        return int(self.created.timestamp()) + len(self._lines)

    def add(self, *entries: Entry) -> RolloutBuilder:
        """More lines, a second apart."""
        for entry in entries:
            self.entries.append(entry)
            self._lines.append(encode_line(entry, stamp(self.created + timedelta(seconds=len(self._lines)))))
        return self

    def raw(self, line: bytes) -> RolloutBuilder:
        """Bytes as they are."""
        self._lines.append(line)
        return self

    def begin(self) -> RolloutBuilder:
        """A turn starts."""
        self.turn_ids.append(turn_id(self.number, len(self.turn_ids) + 1))
        started = events.TaskStarted(turn_id=self.turn_ids[-1], started_at=self.seconds, model_context_window=WINDOW)
        return self.add(started, turn_context(self.turn_ids[-1]))

    def say(self, text: str, **members: Any) -> RolloutBuilder:
        """The user speaks."""
        return self.add(user_item(text), events.UserMessage(message=text, images=[], **members))

    def answer(self, text: str) -> RolloutBuilder:
        """The model answers."""
        return self.add(events.AgentMessage(message=text, phase="final_answer"), assistant_item(text))

    def count(self, info: events.TokenUsageInfo | None) -> RolloutBuilder:
        """A token_count."""
        return self.add(events.TokenCount(info=info, rate_limits=limits()))

    def complete(self, last: str | None = None) -> RolloutBuilder:
        """The turn ends by itself, after two seconds."""
        ended = events.TaskComplete(
            turn_id=self.turn_ids[-1], last_agent_message=last, completed_at=self.seconds, duration_ms=2_000
        )
        return self.add(ended)

    def turn(self, said: str, answered: str, usage: events.TokenUsageInfo | None = None) -> RolloutBuilder:
        """A whole turn; with ``usage``, as the model would have counted it."""
        self.begin().say(said).answer(answered)
        if usage is not None:
            self.count(usage)
        return self.complete(answered)

    def content(self) -> bytes:
        """The file's bytes."""
        return b"".join(self._lines)

    def write(self, path: Path | None = None) -> Written:
        """Put the file where it belongs, or elsewhere; its mtime is the time of its last line."""
        path = path or new_rollout_path(self._home, self.thread_id, self.created)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content())
        os.utime(path, (self.seconds, self.seconds))
        return Written(self.thread_id, path, self.turn_ids)


def plain(home: Path, **options: Any) -> Written:
    """Two turns that ended well, without usage."""
    return RolloutBuilder(home, **options).turn("Say hello", "Hello.").turn("Again", "Hello again.").write()


def with_usage(home: Path, **options: Any) -> Written:
    """Two turns, each with usage: the newest is ``usage_info(2)``."""
    builder = RolloutBuilder(home, **options).turn("one", "first", usage_info(1))
    return builder.turn("two", "second", usage_info(2)).write()


def with_usage_then_null(home: Path, **options: Any) -> Written:
    """A turn with ``usage_info(1)``, then one whose token_count has no numbers: it owns the usage all the same."""
    builder = RolloutBuilder(home, **options).turn("one", "first", usage_info(1))
    return builder.begin().say("two").count(None).answer("second").complete("second").write()


def with_null_usage(home: Path, **options: Any) -> Written:
    """One turn whose token_count has no numbers."""
    return RolloutBuilder(home, **options).begin().say("one").count(None).answer("first").complete("first").write()


def with_text_elements(home: Path, **options: Any) -> Written:
    """One turn whose text holds a stand-in, with an image by URL and one by path."""
    element = events.TextElement(byte_range=events.ByteRange(start=5, end=9), placeholder="[it]")
    builder = RolloutBuilder(home, **options).begin()
    message = events.UserMessage(
        message="look [it] over", images=["https://x/a.png"], local_images=["/project/b.png"], text_elements=[element]
    )
    return builder.add(user_item("look [it] over"), message).answer("Done.").complete("Done.").write()


def with_git(home: Path, **options: Any) -> Written:
    """One turn in a repository."""
    git = GitState(commit_hash="c0ffee", branch="main", repository_url="https://x/r.git")
    return RolloutBuilder(home, git=git, **options).turn("one", "first").write()


def legacy(home: Path, **options: Any) -> Written:
    """Two exchanges of an old file, which says nothing of turns."""
    return RolloutBuilder(home, **options).say("one").answer("first").say("two").answer("second").write()


def rolled_back(home: Path, **options: Any) -> Written:
    """Three turns of which the last two were rolled back; then one more."""
    builder = RolloutBuilder(home, **options).turn("one", "first", usage_info(1)).turn("two", "second", usage_info(2))
    builder.turn("three", "third", usage_info(3)).add(events.ThreadRolledBack(num_turns=2))
    return builder.turn("four", "fourth").write()


def failed(home: Path, **options: Any) -> Written:
    """One turn that failed."""
    error = events.Error(
        message="bad request", codex_error_info={"response_stream_disconnected": {"http_status_code": 502}}
    )
    return RolloutBuilder(home, **options).begin().say("one").add(error).complete().write()


def interrupted(home: Path, **options: Any) -> Written:
    """One turn that ended well, then one that the user stopped."""
    builder = RolloutBuilder(home, **options).turn("one", "first").begin().say("two")
    stopped = events.TurnAborted(turn_id=builder.turn_ids[-1], reason="interrupted", completed_at=builder.seconds)
    return builder.add(user_item("<turn_aborted>\nstopped\n</turn_aborted>"), stopped).write()


def mid_turn(home: Path, **options: Any) -> Written:
    """One turn that ended well, then one that a crash cut short."""
    return RolloutBuilder(home, **options).turn("one", "first", usage_info(1)).begin().say("two").write()


def compacted(home: Path, **options: Any) -> Written:
    """A turn, a compaction of its own turn, another turn."""
    builder = RolloutBuilder(home, **options).turn("one", "first").begin()
    history = [user_item("one").payload, user_item("In short: one.").payload]
    builder.add(Compacted(message="In short: one.", replacement_history=history), events.ContextCompacted()).complete()
    return builder.turn("two", "second").write()


def torn(home: Path, **options: Any) -> Written:
    """A turn, and a last line that a crash cut off."""
    builder = RolloutBuilder(home, **options).turn("one", "first")
    return builder.raw(b'{"timestamp":"2026-01-05T12:00:30.000Z","type":"event_msg","payl').write()


def with_garbage(home: Path, **options: Any) -> Written:
    """Two turns with a line between them that is no JSON."""
    builder = RolloutBuilder(home, **options).turn("one", "first").raw(b'{"timestamp":"2026-01\x00\xff garbage\n')
    return builder.turn("two", "second").write()


def without_meta(home: Path, **options: Any) -> Written:
    """A turn of an unknown thread."""
    return RolloutBuilder(home, with_meta=False, **options).turn("one", "first").write()
