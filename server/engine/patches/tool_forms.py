"""How models are told of ``apply_patch``: as a custom tool with a grammar, and as a function. Constants only."""

from __future__ import annotations

from typing import Any

NAME = "apply_patch"

GRAMMAR = r"""
start: begin hunk+ end

begin: "*** Begin Patch" LF
end: "*** End Patch" LF?

hunk: add | delete | update
add: "*** Add File: " path LF added+
delete: "*** Delete File: " path LF
update: "*** Update File: " path LF move? chunks?

move: "*** Move to: " path LF
chunks: (place | changed)+ last?
place: ("@@" | "@@ " /(.+)/) LF
changed: (" " | "-" | "+") /(.+)/? LF
last: "*** End of File" LF

added: "+" /(.+)/? LF
path: /(.+)/

%import common.LF
""".lstrip()
"""The format in Lark's notation, as strict as a model should write it; the parser takes more."""

_FORMAT = """\
A patch is text of this form:

*** Begin Patch
*** Add File: docs/new.txt
+Each line of the new file follows a plus sign.
*** Update File: src/old_name.py
*** Move to: src/new_name.py
@@ def greet(name):
     name = name.strip()
-    print("Hi", name)
+    print("Hello", name)
     return name
*** Delete File: src/unused.py
*** End Patch

- Paths are relative to the working directory, or absolute.
- In an update, each place that changes is a chunk: a line "@@", then lines that stay (a blank in front), go ("-") or \
come ("+"). Show about three lines that stay before and after a change. Do not repeat them where two changes are close.
- If these lines occur more than once in the file, name the function or class around them after "@@ ", as it stands in \
the file; there are no line numbers. Chunks follow the order of the file.
- "*** End of File" after a chunk says that it is at the end of the file. "*** Move to:" is optional.
- All hunks take effect, or none does: after an error, correct the patch and send it whole.
"""

FREEFORM_DESCRIPTION = (
    "Creates, changes, moves and deletes files by a patch. The input is the patch itself as plain text: no JSON around "
    "it, no quotes, no escapes.\n\n" + _FORMAT
)

FUNCTION_DESCRIPTION = "Creates, changes, moves and deletes files by a patch.\n\n" + _FORMAT

FREEFORM: dict[str, Any] = {
    "type": "custom",
    "name": NAME,
    "description": FREEFORM_DESCRIPTION,
    "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR},
}
"""The tool as a request to a model names it, for models that can be held to a grammar."""

FUNCTION: dict[str, Any] = {
    "type": "function",
    "name": NAME,
    "description": FUNCTION_DESCRIPTION,
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"input": {"type": "string", "description": "The whole patch."}},
        "required": ["input"],
        "additionalProperties": False,
    },
}
"""The same for all other models."""
