"""The usual turn: input, sampling until the model is done, the history summed up when it grows too long.

Knows no client and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rollout.lines import Entry, ResponseItem
from rollout.prompt import Prompt
from server.engine import context, project_docs
from server.engine.attachments import gather
from server.engine.compaction import Compaction, is_due
from server.engine.host import Host
from server.engine.inputs import Input, said
from server.engine.patches.turn_diff import TurnDiff
from server.engine.permission_words import permission_words
from server.engine.sampling import Sampler, equipped
from server.engine.settings import Settings
from server.engine.tools.tool import Work
from server.engine.turn import Turn
from server.engine.user_shell import Beside, UserShell
from server.engine.workspace import Workspace
from server.providers.provider import Provider
from server.skills.store import SkillSet


class RegularTurn(Turn):
    """A turn that answers input. Made with the first of it."""

    kind = "regular"

    def __init__(
        self,
        host: Host,
        provider: Provider,
        settings: Settings,
        given: Input,
        workspace: Workspace,
        output_schema: Any = None,
    ) -> None:
        super().__init__(host, provider, settings)
        self._output_schema = output_schema
        self._all_skills = workspace.machine.skills
        self._skills = SkillSet()  # those of the turn's working directory, once they have been looked for
        self._docs = project_docs.Docs()
        self._permissions: str | None = None
        self._workspace = workspace
        self._pending = [given]
        self._has_begun = False  # the turn's own input is taken in
        self._notes = list[ResponseItem]()  # records of commands that people ran beside
        self._beside = Beside()

    def steer(self, given: Input) -> bool:
        """Add input to the running turn. False if it takes none any more: then it ends at once."""
        if self._open:
            self._pending.append(given)
        return self._open

    def run_beside(self, shell: UserShell) -> bool:
        """Run a person's command; the model hears of it before the turn ends, if the command ends before."""
        if self._open:
            work = Work(self._host, self.id, self._settings, self._workspace, TurnDiff(None), self.stop)
            self._beside.begin(shell, work, self._note)
        return self._open

    def _note(self, record: ResponseItem) -> None:
        if self._open:
            self._notes.append(record)
        else:
            self._host.emit(record)

    def waits(self, client_id: str) -> bool:
        """Whether input of this id waits here and is sure to be taken in, whatever ends the turn.

        Input that was steered into a turn which closes is not: what comes of it is known when the turn has ended.
        """
        sure = self._pending if self._open else self._pending[:1] if not self._has_begun else []
        return any(given.client_id == client_id for given in sure)

    async def _do(self) -> None:
        prompt = await self._host.prompt()
        if is_due(self._host.usage_info, prompt, self._settings):
            await Compaction(self._asking).run(prompt)
        await self._look_around()
        sampler = await equipped(self._asking, self._output_schema, self._workspace, self.stop)
        self._host.emit(*self._context(context.Known(settings=prompt.reference, instructions=prompt.instructions)))
        while True:
            await self._take_in()
            called = await self._sample(sampler, prompt)
            if not called and not self._pending and not self._notes:
                self._open = False  # in the same breath as the look at what is pending: nothing can slip in between
                return
            if is_due(self._host.usage_info, prompt, self._settings):
                await Compaction(self._asking).run(prompt, self._context(context.NOTHING))

    async def _sample(self, sampler: Sampler, prompt: Prompt) -> bool:
        try:
            return await sampler.sample(prompt)
        finally:
            self.last_message, self.first_token_at = sampler.last_message, sampler.first_token_at

    async def _look_around(self) -> None:
        self._docs = await project_docs.find(self._settings.docs, self._settings.cwd)
        self._skills = await self._all_skills.at(self._settings.cwd)
        self._permissions = await permission_words(self._settings, self._workspace)

    def _context(self, known: context.Known) -> Sequence[ResponseItem | Entry]:
        now = datetime.now().astimezone()
        current = context.turn_context(self.id, self._settings, now, self._output_schema)
        return [*context.news(self._settings, current, known, self._docs, self._skills, self._permissions), current]

    async def _take_in(self) -> None:
        self._tell_notes()
        while self._pending:
            given = self._pending[0]
            attached = await gather(given.content, self._settings.cwd, self._skills)
            self._pending.pop(0)  # in the same breath as it is said: an interrupt finds it here or there
            self._host.emit(*said(self.id, given, attached))
            self._has_begun = True

    def _tell_notes(self) -> None:
        notes = self._notes.copy()
        self._notes.clear()
        self._host.emit(*notes)

    async def _keep(self, *, failed: bool) -> None:
        """What the turn was begun with is kept in any case; all that was accepted, if it was not stopped."""
        if not failed:
            await self._beside.stop()
        self._tell_notes()
        if failed:
            await self._take_in()
        elif not self._has_begun and self._pending:
            given = self._pending[0]
            self._host.emit(*said(self.id, given, await gather(given.content, self._settings.cwd, self._skills)))
