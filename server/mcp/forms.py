"""Forms that MCP servers ask users to fill in, cut down to what every client can show. Pure."""

from __future__ import annotations

from typing import Any

from rollout.model_items import as_list, as_object

_MEMBERS = {
    "string": ("enum", "enumNames", "oneOf", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
    "boolean": (),
    "array": ("items", "minItems", "maxItems"),
}
"""What may be said of a value of each type, beside its type, title, description and default."""

_FORMATS = ("email", "uri", "date", "date-time")


def plain_form(schema: dict[str, Any]) -> dict[str, Any]:
    """The form, without what clients refuse to read, such as a title of the whole."""
    fields = {name: _field(as_object(value)) for name, value in as_object(schema.get("properties")).items()}
    form: dict[str, Any] = {"type": "object", "properties": fields}
    if required := [name for name in as_list(schema.get("required")) if name in fields]:
        form["required"] = required
    return form


def _field(said: dict[str, Any]) -> dict[str, Any]:
    kind = said.get("type")
    kept = ("type", "title", "description", "default", *_MEMBERS.get(kind if isinstance(kind, str) else "", ()))
    field = {name: said[name] for name in kept if name in said}
    if field.get("format") not in _FORMATS:
        field.pop("format", None)
    if "enum" in field:  # a choice is a type of its own, of which less can be said
        field = {name: field[name] for name in field if name not in ("format", "minLength", "maxLength")}
    return field
