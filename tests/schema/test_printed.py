"""What ``threadcast schema`` prints: complete, right about what is said, and of use to TypeScript.

Every message that a test's client of the newest version hears is held against it as well (``witness.py``).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from protocol.asks import ASKS
from protocol.methods import METHODS
from protocol.notices import NOTICES
from server.cli import main
from tests.schema import printed
from tests.support import codex, typescript
from tests.support.harness import running

PROGRAM = """
import type { FromServer, Notifications, Request, Requests } from "./threadcast";

const start: Request<"turn/start"> = {
  id: 1, method: "turn/start", params: { threadId: "t", input: [{ type: "text", text: "Hello" }] },
};
const limits: Request<"account/rateLimits/read"> = { id: 2, method: "account/rateLimits/read" };
function told(message: FromServer): string {
  if ("method" in message && message.method === "item/agentMessage/delta") return message.params.delta;
  if ("error" in message) return message.error.message;
  return "";
}
const total = (usage: Notifications["thread/tokenUsage/updated"]): number => usage.tokenUsage.total.totalTokens;
const name = (read: Requests["thread/read"]["result"]): string => read.thread.id;
export { limits, name, start, told, total };
"""

WRONG = """
import type { Request } from "./threadcast";
export const start: Request<"turn/start"> = { id: 1, method: "turn/start", params: { threadId: 1 } };
"""


def test_every_row_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(document)
    methods = {each["properties"]["method"]["const"] for each in document["$defs"]["ClientRequest"]["oneOf"]}
    assert methods == {method.name for method in METHODS} == set(document["x-results"])
    told = {each["properties"]["method"]["const"] for each in document["$defs"]["ServerNotification"]["oneOf"]}
    assert told == {notice.name for notice in NOTICES}
    asked = {each["properties"]["method"]["const"] for each in document["$defs"]["ServerRequest"]["oneOf"]}
    assert asked == {ask.name for ask in ASKS} == set(document["x-answers"])


def test_it_tells_right_from_wrong() -> None:
    turn = {"id": 1, "method": "turn/start", "params": {"threadId": "t", "input": [{"type": "text", "text": "x"}]}}
    assert printed.valid_request(turn)
    assert not printed.valid_request(turn | {"params": {"threadId": "t"}})
    assert not printed.valid_request(turn | {"params": {"threadId": 1, "input": []}})
    assert not printed.valid_request(turn | {"method": "turn/begin"})
    assert printed.valid_request({"id": "a", "method": "account/rateLimits/read"})
    delta = {"threadId": "t", "turnId": "u", "itemId": "i", "delta": "x"}
    assert printed.wrong({"method": "item/agentMessage/delta", "params": delta}, None) == []
    assert printed.wrong({"method": "item/agentMessage/delta", "params": delta | {"delta": 1}}, None) != []
    assert printed.wrong({"id": 1, "result": {"data": "t"}}, "thread/loaded/list") != []


@pytest.mark.codex(codex.NEWEST)
async def test_what_a_client_hears_is_held_against_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str | None] = []

    def look(_message: printed.Message, asked: str | None) -> list[str]:
        looked.append(asked)
        return []

    monkeypatch.setattr(printed, "wrong", look)
    async with running(tmp_path) as server:
        await (await server.client(version=None, extensions={"threadcast/version": "0.169.0"})).call("thread/start")
    assert "thread/start" in looked


@pytest.mark.typescript
def test_typescript_takes_its_types_and_finds_mistakes_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", "--typescript"]) == 0
    (tmp_path / "threadcast.d.ts").write_text(capsys.readouterr().out)
    (tmp_path / "program.ts").write_text(PROGRAM)
    (tmp_path / "wrong.ts").write_text(WRONG)
    node = shutil.which("node")
    assert node is not None
    command = [node, str(typescript.compiler()), "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext"]
    right = subprocess.run([*command, "program.ts", "threadcast.d.ts"], cwd=tmp_path, capture_output=True, check=False)
    assert (right.returncode, right.stdout.decode()) == (0, "")
    wrong = subprocess.run([*command, "wrong.ts"], cwd=tmp_path, capture_output=True, check=False)
    assert "TS2322" in wrong.stdout.decode() or "TS2741" in wrong.stdout.decode()
