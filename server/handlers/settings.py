"""thread/settings/update: what later turns run with, without a turn."""

from __future__ import annotations

from protocol import methods
from protocol.errors import invalid_request
from protocol.settings import ThreadSettingsUpdateParams
from protocol.wire import Empty
from server.dispatch import Call, handles
from server.engine.settings import turn_settings
from server.handlers.checks import check_environments, check_permissions, parse_thread_id
from server.threads.settings import adopt


@handles(methods.THREAD_SETTINGS_UPDATE)
async def update(call: Call, params: ThreadSettingsUpdateParams) -> Empty:
    """Change what later turns of a loaded thread run with. A running turn goes on as it is."""
    live = call.app.loaded.require(parse_thread_id(params.thread_id))
    check_environments(params.environments)
    check_permissions(params)
    if params.model == "":
        raise invalid_request("model must not be empty")
    await live.claim()
    if (news := adopt(live, turn_settings(live.settings, params), record=True)) is not None:
        call.then(lambda: live.broadcast(news))
    if live.materialised:
        await live.sync()
    return Empty()
