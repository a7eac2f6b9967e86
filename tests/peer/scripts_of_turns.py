"""Conversations about turns: steered, stopped, failed, shared; and about requests that are refused."""

from __future__ import annotations

import json

from tests.peer.steps import (
    OLD,
    Conversation,
    Hear,
    Joining,
    Leave,
    Open,
    Send,
    Settle,
    ask,
    begin,
    conversation,
    ended,
    held,
    say,
    start,
    words,
)
from tests.support import rollouts as seeds

UNKNOWN = "01900000-0000-7000-8000-0000000000ff"
WRONG_TURN = "01900000-0000-7000-9000-0000000000ff"

EVERYTHING = [
    {
        "type": "text",
        "text": "look at it",
        "text_elements": [{"byteRange": {"start": 0, "end": 4}, "placeholder": "[look]"}],
    },
    {"type": "image", "url": "data:image/png;base64,iVBORw0KGgo="},
    {"type": "skill", "name": "some", "path": "/skills/some/SKILL.md"},
    {"type": "mention", "name": "it", "path": "app://it"},
    {"type": "text", "text": "and at that"},
]
PLANNING = {"mode": "plan", "settings": {"model": "plan-model", "reasoning_effort": "high"}}

TURNS: tuple[Conversation, ...] = (
    conversation(
        "a turn is steered",
        start("A"),
        held("A", "steered"),
        ask("B", "turn/steer", threadId="$thread", input=words("more"), expectedTurnId="$turn"),
        Open("steered"),
        ended("A"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "steering that is refused",
        start("A"),
        ask("A", "turn/steer", threadId="$thread", input=words("x"), expectedTurnId=WRONG_TURN),
        held("A", "refused"),
        ask("A", "turn/steer", threadId="$thread", input=words("x"), expectedTurnId=WRONG_TURN),
        ask("A", "turn/steer", threadId="$thread", input=words("x"), expectedTurnId=""),
        ask("A", "turn/steer", threadId="$thread", input=[], expectedTurnId="$turn"),
        ask("A", "turn/steer", threadId="$thread", input=words("x" * (1 << 20) + "y"), expectedTurnId="$turn"),
        ask("A", "turn/steer", threadId=UNKNOWN, input=words("x"), expectedTurnId="$turn"),
        Open("refused"),
        ended("A"),
    ),
    conversation(
        "a turn is stopped by another client",
        start("A"),
        held("A", "stopped"),
        ask("B", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
        say("A", "go on"),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
    ),
    conversation(
        "stopping where nothing runs",
        start("A"),
        ask("A", "turn/interrupt", threadId="$thread", turnId=""),
        ask("A", "turn/interrupt", threadId=UNKNOWN, turnId=WRONG_TURN),
        ask("A", "turn/interrupt", threadId="nonsense", turnId=WRONG_TURN),
    ),
    conversation(
        "stopping a turn that does not run",
        start("A"),
        ask("A", "turn/interrupt", threadId="$thread", turnId=WRONG_TURN, wait=False),
        Settle("A"),
    ),
    conversation(
        "stopping with the id of another turn",
        start("A"),
        held("A", "other"),
        ask("B", "turn/interrupt", threadId="$thread", turnId=WRONG_TURN),
        ask("B", "turn/interrupt", threadId="$thread", turnId="$turn", wait=False),
        ended("A", how="interrupted"),
    ),
    conversation(
        "input that is empty",
        start("A"),
        ask("A", "turn/start", threadId="$thread", input=[], called="turn/start with nothing"),
        begin("A", "hello"),
        Hear("A", "turn/completed"),
        versions=OLD,
    ),
    conversation(
        "a plan",
        start("A"),
        say("A", "one that plans", collaborationMode=PLANNING),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
        say("B", "another that plans"),
        ask("A", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "input while a turn runs",
        start("A"),
        held("A", "merged"),
        begin("B", "and this", turn="joined"),
        ask("B", "thread/name/set", threadId="$thread", name="The peer takes it in after what came before"),
        Hear("A", "thread/name/updated"),
        Open("merged"),
        ended("A"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
        versions=OLD,
    ),
    conversation(
        "input that is refused",
        start("A"),
        ask("A", "turn/start", threadId="$thread", input=words("x" * (1 << 20) + "y")),
        ask("A", "turn/start", threadId=UNKNOWN, input=words("x")),
        ask("A", "turn/start", threadId="nonsense", input=words("x")),
        ask("A", "turn/start", threadId="$old", input=words("x")),
        seeds={"old": seeds.plain},
    ),
    conversation(
        "input of every kind",
        start("A"),
        ask("A", "turn/start", threadId="$thread", input=EVERYTHING),
        ended("A"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "a turn that plans and keeps to a form",
        start("A"),
        say("A", "hello", outputSchema={"type": "object"}, summary="none", personality="pragmatic"),
        say("A", "think", collaborationMode=PLANNING),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
    ),
    conversation(
        "a turn with settings of its own",
        start("A"),
        say("A", "hello", model="third-model", effort="low", cwd="$home", approvalPolicy="on-request"),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
    ),
    conversation(
        "two clients follow one thread",
        start("A"),
        say("A", "from the first"),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
        say("B", "think, second"),
        ended("A"),
        say("A", "from the first again"),
        ended("B"),
        Leave("A"),
        say("B", "alone"),
    ),
    conversation(
        "a client comes back to a thread",
        start("A"),
        held("A", "back"),
        ask("B", "thread/resume", threadId="$thread"),
        ask("A", "thread/unsubscribe", threadId="$thread"),
        Open("back"),
        ended("B"),
        ask("A", "thread/resume", threadId="$thread"),
        Hear("A", "thread/tokenUsage/updated"),
        ask("A", "thread/resume", threadId="$thread"),
        say("A", "once, not twice"),
    ),
    conversation(
        "two threads at the same time",
        start("A"),
        held("A", "one"),
        start("A", "second"),
        say("A", "not held", "$second"),
        ask("B", "thread/loaded/list", cursor="$second"),
        Open("one"),
        ended("A"),
    ),
    conversation(
        "a client that opted out",
        start("A"),
        say("A", "think about it"),
        ask("B", "thread/resume", threadId="$thread"),
        clients={
            "A": Joining(opt_out=("item/agentMessage/delta", "thread/status/changed", "item/started", "no/such")),
            "B": Joining(opt_out=("thread/started", "thread/tokenUsage/updated", "turn/completed")),
        },
    ),
)

FAILURES: tuple[Conversation, ...] = (
    *(
        conversation(
            f"a turn fails: {cause}",
            start("A"),
            say("A", "hello"),
            say("A", f"{script} please", end="failed"),
            ask("B", "thread/read", threadId="$thread"),
            say("A", "again"),
            ask("B", "thread/resume", threadId="$thread"),
            Hear("B", "thread/tokenUsage/updated"),
        )
        for cause, script in (
            ("HTTP 400", "status:400"),
            ("HTTP 401", "status:401"),
            ("HTTP 429", "status:429"),
            ("HTTP 500", "status:500"),
            ("HTTP 503", "status:503"),
            ("the usage limit", "status:429 code:usage_limit_reached"),
            ("the response failed", "failed:invalid_prompt"),
            ("the model is overloaded", "failed:server_is_overloaded"),
            ("no quota is left", "failed:insufficient_quota"),
            ("an unknown error", "failed:something_new"),
            ("the stream broke off", "drops:1"),
        )
    ),
    conversation(
        "a turn fails: the context is full",
        start("A"),
        say("A", "hello"),
        say("A", "failed:context_length_exceeded", end="failed"),
        ask("B", "thread/read", threadId="$thread"),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
    ),
    conversation(
        "a broken stream is asked for again",
        start("A", modelProvider="patient"),
        say("A", "drops:1 once"),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
    ),
    conversation(
        "a stream breaks off too often",
        start("A", modelProvider="patient"),
        say("A", "drops:9 always", end="failed"),
    ),
)


SILENT = ("9223372036854775808", "null", "1.5", "true")
"""Ids that are none, so that nobody can wait for their answer."""


def refused(method: str, params: str = "", request: str | None = None) -> Send:
    """A request as it is on the wire; by default its id says what it asks."""
    members = f',"params":{params}' if params else ""
    request = json.dumps(f"{method} {params}") if request is None else request
    answer_to = json.loads(request) if request not in SILENT else None
    return Send("A", f'{{"id":{request},"method":"{method}"{members}}}', answer_to)


REFUSALS: tuple[Conversation, ...] = (
    conversation(
        "methods and params that are none",
        refused("no/such"),
        refused("thread/list"),
        refused("thread/list", "null"),
        refused("thread/loaded/list"),
        refused("thread/read", "{}"),
        refused("thread/read", '{"threadId":5}'),
        refused("thread/read", '{"threadId":"$old","includeTurns":null}'),
        refused("thread/list", '{"limit":-1}'),
        refused("thread/list", '{"limit":"many"}'),
        refused("thread/list", '{"sortKey":"bogus"}'),
        refused("turn/start", '{"threadId":"$old"}'),
        refused("turn/start", '{"threadId":"$old","input":"text"}'),
        refused("turn/start", '{"threadId":"$old","input":[{"type":"bogus"}]}'),
        refused("turn/steer", '{"threadId":"$old","input":[]}'),
        refused("turn/interrupt", '{"threadId":"$old"}'),
        refused("thread/name/set", '{"threadId":"$old"}'),
        refused("thread/start", '{"sandbox":"none"}'),
        refused("thread/start", '{"approvalPolicy":"sometimes"}'),
        refused("thread/start", '{"modelProvider":"nope"}'),
        seeds={"old": seeds.plain},
    ),
    conversation(
        "params in a list",
        refused("thread/read", '["$old"]', '"in a list"'),
        seeds={"old": seeds.plain},
    ),
    conversation(
        "messages that are no requests",
        Send("A", "not json"),
        Send("A", "[]"),
        Send("A", '[{"id":1,"method":"thread/list","params":{}}]'),
        Send("A", '"text"'),
        Send("A", "{}"),
        Send("A", '{"id":5}'),
        Send("A", '{"method":"no/such"}'),
        Send("A", '{"method":"initialized"}'),
        Send("A", '{"id":77,"result":{}}'),
        Send("A", '{"id":77,"error":{"code":1,"message":"no"}}'),
        Settle("A"),
    ),
    conversation(
        "ids of every kind",
        *(
            refused("thread/read", '{"threadId":"nonsense"}', request)
            for request in ('"text"', '""', "0", "-7", "9223372036854775807", "9223372036854775808", "null", "1.5")
        ),
        refused("thread/read", '{"threadId":"nonsense"}', "true"),
    ),
    conversation(
        "ids of threads in other spellings",
        ask("A", "thread/read", threadId="urn:uuid:$old"),
        ask("A", "thread/read", threadId=""),
        ask("A", "thread/read", threadId="01900000000070008000000000000065x"),
        ask("A", "thread/read", threadId="019000000000700080000000000000fF"),
        seeds={"old": seeds.plain},
    ),
    conversation(
        "before and after the handshake",
        ask("A", "thread/list"),
        ask("A", "no/such"),
        ask("A", "initialize", clientInfo={"name": "bad\nname", "version": "$version"}),
        ask("A", "initialize", clientInfo={"name": "late"}),
        ask(
            "A",
            "initialize",
            clientInfo={"name": "codex-tui", "version": "$version"},
            capabilities={"experimentalApi": None},
        ),
        ask("A", "initialize", clientInfo={"name": "codex-tui", "version": "$version"}),
        ask("A", "initialize", clientInfo={"name": "codex-tui", "version": "$version"}),
        ask("A", "thread/read", threadId=UNKNOWN),
        start("B"),
        clients={"A": Joining(name=None)},
    ),
    conversation(
        "what is experimental",
        ask("A", "thread/start", environments=[]),
        ask("A", "thread/start", dynamicTools=[], persistExtendedHistory=True),
        ask("A", "thread/start", experimentalRawEvents=True),
        ask("A", "thread/start", persistExtendedHistory=True),
        ask("A", "thread/start", mockExperimentalField=""),
        ask("A", "thread/resume", threadId="$old", history=[]),
        ask("A", "thread/resume", threadId="$old", path="x"),
        ask("A", "thread/resume", threadId="$old", persistExtendedHistory=True),
        ask("A", "thread/fork", threadId="$old", path="x"),
        ask("A", "turn/start", threadId="$old", input=[], responsesapiClientMetadata={}),
        ask("A", "turn/start", threadId="$old", input=[], environments=[]),
        ask("A", "turn/steer", threadId="$old", input=[], expectedTurnId="x", responsesapiClientMetadata={}),
        ask("A", "collaborationMode/list"),
        start("A", persistExtendedHistory=False, experimentalRawEvents=False),
        clients={"A": Joining(experimental=False)},
        seeds={"old": seeds.plain},
        versions=OLD,
    ),
    conversation(
        "what a client asks when it starts",
        ask("A", "account/rateLimits/read"),
        ask("A", "collaborationMode/list"),
        ask("A", "mcpServerStatus/list"),
        ask("A", "configRequirements/read"),
    ),
    conversation(
        "settings that exclude each other",
        ask("A", "thread/start", sandbox="read-only", permissionProfile={"type": "disabled"}),
        ask("A", "thread/start", environments=[{"environmentId": "moon", "cwd": "/"}]),
        start("A"),
        ask(
            "A",
            "turn/start",
            threadId="$thread",
            input=words("x"),
            sandboxPolicy={"type": "readOnly"},
            permissionProfile={"type": "disabled"},
        ),
        ask("A", "turn/start", threadId="$thread", input=words("x"), environments=[{"environmentId": "m", "cwd": "/"}]),
    ),
    conversation(
        "threads that cannot be resumed",
        ask("A", "thread/resume", threadId=UNKNOWN),
        ask("A", "thread/resume", threadId="nonsense"),
        ask("A", "thread/resume", threadId="$headless"),
        seeds={"headless": seeds.without_meta},
    ),
)
