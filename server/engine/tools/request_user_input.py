"""request_user_input: questions of the model to a person. The turn waits for the answer; knows no client."""

from __future__ import annotations

from typing import Any

from protocol.approval import UserInputOption, UserInputParams, UserInputQuestion
from protocol.asks import USER_INPUT
from protocol.wire import Record, encode
from server.engine.tools.tool import Call, CallFailed, Content, Tool, Work, function, members

_DESCRIPTION = """\
Ask the user one to three short questions and wait for the answers. Each question offers two or three options that
exclude each other, the recommended one first; the user may also answer in their own words."""


class _Option(Record):
    label: str
    description: str = ""


class _Question(Record):
    id: str
    question: str
    header: str = ""
    options: list[_Option] = []


class _Arguments(Record):
    questions: list[_Question]


class RequestUserInput(Tool):
    """Asks the thread's clients; whoever answers first speaks for the user."""

    name = "request_user_input"

    def offer(self) -> dict[str, Any]:
        """Questions with options."""
        text = {"type": "string"}
        option = members({"label": text, "description": text}, "label", "description")
        named = {"id": text, "header": text, "question": text, "options": {"type": "array", "items": option}}
        question = members(named, "id", "header", "question", "options")
        return function(self.name, _DESCRIPTION, {"questions": {"type": "array", "items": question}}, "questions")

    async def run(self, call: Call, work: Work) -> Content:
        """Ask, and wait as long as it takes. Only in plan mode is somebody expected to be there."""
        if work.settings.collaboration.mode != "plan" and not work.settings.keys.features.get(
            "default_mode_request_user_input"
        ):
            raise CallFailed("request_user_input is unavailable in Default mode")
        given = call.arguments(_Arguments)
        if not given.questions or any(not question.options for question in given.questions):
            raise CallFailed("request_user_input requires questions, and non-empty options for every question")
        questions = [_asked(question) for question in given.questions]
        asked = UserInputParams(thread_id=work.host.id, turn_id=work.turn_id, item_id=call.id, questions=questions)
        answer = await work.host.ask(USER_INPUT, asked)
        return encode(answer).decode()


def _asked(question: _Question) -> UserInputQuestion:
    options = [UserInputOption(label=each.label, description=each.description) for each in question.options]
    return UserInputQuestion(
        id=question.id, header=question.header, question=question.question, is_other=True, options=options
    )
