"""A client's change of ``config.toml``, from the file as it is to the answer. A refusal changes nothing.

Owns: the order of the steps, what is refused, what is told of layers above. Must not know: requests, connections.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from protocol.config import ConfigEdit, ConfigLayerMetadata, ConfigTarget, ConfigWriteResponse, OverriddenMetadata
from server.config import Config
from server.config_edit import alone, edited, parse_key_path, replace_file
from server.config_keys import is_table
from server.config_view import layer_version, mask
from server.errors import ConfigError

Refusal = Literal["configVersionConflict", "configValidationError", "configLayerReadonly"]


class ChangeRefused(Exception):
    """Nothing was written; ``code`` says to programs why."""

    def __init__(self, code: Refusal, message: str) -> None:
        super().__init__(message)
        self.code: Refusal = code


def write(config: Config, target: ConfigTarget, edits: Sequence[ConfigEdit]) -> ConfigWriteResponse:
    """Change the user's file, all edits or none. Blocks.

    Raises :class:`ChangeRefused`, ``OSError``, and :class:`~server.errors.ConfigError` for a file that is no TOML.
    """
    path = _asked(config, target.file_path)
    with alone(config.file.resolve()):
        text = _text(config.file)
        before = config.with_file(_parsed(text))
        if target.expected_version not in (None, layer_version(before.user_table)):
            raise ChangeRefused(
                "configVersionConflict", f"{config.file} has changed since it was read; read it again and try again"
            )
        try:
            changed = edited(text, edits)
        except ConfigError as error:
            raise ChangeRefused("configValidationError", str(error)) from error
        after = config.with_file(_parsed(changed))
        _check(before, after)
        if changed != text:
            replace_file(config.file, changed)
    overridden = next((found for edit in edits if (found := _overridden(after, edit)) is not None), None)
    return ConfigWriteResponse(
        status="okOverridden" if overridden else "ok",
        version=layer_version(after.user_table),
        file_path=str(path),
        overridden_metadata=overridden,
    )


def _asked(config: Config, given: str | None) -> Path:
    if given is None:
        return config.file
    path = config.codex_home / given
    if "\0" in given or path.resolve() != config.file.resolve():
        raise ChangeRefused("configLayerReadonly", f"only {config.file} can be changed")
    return path


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error)) from error


def _check(before: Config, after: Config) -> None:
    """Refuse what would be ignored; what was ignored already is not this caller's."""
    for warning in after.warnings:
        if warning not in before.warnings:
            said = warning.summary if warning.details is None else f"{warning.summary} {warning.details}"
            raise ChangeRefused("configValidationError", f"Invalid configuration: {said}")


def _overridden(config: Config, edit: ConfigEdit) -> OverriddenMetadata | None:
    """What is above the change and hides it, if something is."""
    keys = parse_key_path(edit.key_path)
    told, holds = _at(config.user_table, keys), _at(config.table(), keys)
    if told == holds:
        return None
    flags = _at(config.flag_table, keys) is not None
    layer = {"type": "sessionFlags"} if flags else {"type": "user", "file": str(config.file)}
    return OverriddenMetadata(
        message=f"The {'command line' if flags else 'chosen profile'} of the server says otherwise.",
        overriding_layer=ConfigLayerMetadata(
            name=layer, version=layer_version(config.flag_table if flags else config.user_table)
        ),
        effective_value=_at(mask(config.table()), keys),
    )


def _at(table: Mapping[str, Any], keys: Sequence[str]) -> Any:
    value: Any = table
    for key in keys:
        value = value.get(key) if is_table(value) else None
    return value
