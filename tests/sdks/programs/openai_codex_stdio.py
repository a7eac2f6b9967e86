"""The official Python SDK: threads, streaming, resume and the rest of its surface. Argument: the codex to start."""

import json
import sys

from openai_codex import Codex, CodexConfig


def main(codex: str) -> None:
    """Talk to one server, then to the next one on the same threads."""
    with Codex(CodexConfig(codex_bin=codex, config_overrides=("model_verbosity=low",))) as client:
        thread = client.thread_start()
        first = thread.run("Hello")
        streamed = [event.method for event in thread.turn("More").stream()]
        thread.set_name("Named by the SDK")
    with Codex(CodexConfig(codex_bin=codex)) as client:
        again = client.thread_resume(thread.id)
        third = again.run("Again")
        read = again.read(include_turns=True).thread
        fork = client.thread_fork(thread.id)
        listed = [each.id for each in client.thread_list().data]
        client.thread_archive(fork.id)
        client.thread_unarchive(fork.id)
        models = [each.id for each in client.models().data]
    print(
        json.dumps(
            {
                "thread": thread.id,
                "text": first.final_response,
                "tokens": first.usage.total.total_tokens,
                "streamed": streamed,
                "again": third.final_response,
                "turns": len(read.turns),
                "name": read.name,
                "fork": fork.id,
                "listed": listed,
                "models": models,
            }
        )
    )


main(sys.argv[1])
