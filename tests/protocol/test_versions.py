"""Which version a client speaks."""

from __future__ import annotations

import pytest

from protocol.dialects.versions import EXTENSION, NEWEST, V0_125, V0_147, VERSIONS, Version, column, spoken_by
from protocol.initialize import Capabilities, ClientInfo, InitializeParams


def hello(name: str, version: str, asked: object = None) -> InitializeParams:
    """What a client says first."""
    extensions = None if asked is None else {EXTENSION: asked}
    return InitializeParams(
        client_info=ClientInfo(name=name, version=version), capabilities=Capabilities(extensions=extensions)
    )


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("codex-tui", "0.125.0", V0_125),
        ("codex-tui", "0.169.0", Version(0, 169)),
        ("codex_vscode", "0.150.3", V0_147),
        ("codex-tui", "0.126.0-alpha.1", V0_125),
        ("codex-tui", "0.110.0", V0_125),
        ("codex-tui", "0.500.0", NEWEST),
        ("codex-tui", "1.2.0", NEWEST),
        ("codex-tui", "0.0.0", NEWEST),
        ("codex_sdk", "0.2.0", NEWEST),
        ("codex-tui", "what", NEWEST),
        ("dashboard", "0.130.0", NEWEST),
        ("codexter", "0.130.0", NEWEST),
        ("dashboard", "1.0.0", NEWEST),
    ],
)
def test_codex_clients_speak_their_own_version_and_all_others_the_newest(
    name: str, version: str, expected: Version
) -> None:
    assert spoken_by(hello(name, version)) == expected


@pytest.mark.parametrize(
    ("asked", "expected"), [("0.125.0", V0_125), ("0.148.2", V0_147), ("later", NEWEST), (7, NEWEST)]
)
def test_a_client_may_say_which_version_it_was_made_for(asked: object, expected: Version) -> None:
    assert spoken_by(hello("dashboard", "1.0.0", asked)) == expected


def test_a_client_without_capabilities_speaks_the_newest() -> None:
    bare = InitializeParams(client_info=ClientInfo(name="script", version="1"))
    assert spoken_by(bare) == NEWEST


def test_columns_stand_from_the_oldest_to_the_newest_and_each_is_its_own() -> None:
    assert list(VERSIONS) == sorted(set(VERSIONS))
    assert [column(version) for version in VERSIONS] == list(VERSIONS)
