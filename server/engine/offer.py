"""How a model is told of skills: what they are, how they come into play, and which there are. Pure."""

from __future__ import annotations

from server.skills.store import SkillSet

MAX_DESCRIPTION = 1_024
"""Characters of one description."""

MAX_LIST = 16_384
"""Characters of the whole list."""

_WORDS = """\
## Skills
A skill is a folder with instructions for one kind of task; they stand in its SKILL.md. These are the skills at hand,
each with what it is for and where its instructions are.
### Available skills
{rows}
### Using a skill
When the user names a skill as `$name`, its instructions come right after the message, in a <skill> block: follow them
for that message. When a task fits a skill that nobody named, read its SKILL.md before you begin if you can read files;
otherwise say that there is such a skill and that `$name` calls it. Paths inside a skill are relative to its folder. If
several fit, take the fewest that cover the task. Instructions of the user go before those of a skill."""


def offer(skills: SkillSet) -> list[str]:
    """The part of the context that offers the skills; nothing if there are none to offer."""
    offered = [skill for skill in skills.enabled if skill.implicit] if skills.told else []
    if not offered:
        return []
    rows: list[str] = []
    left = MAX_LIST
    for skill in offered:
        row = f"- {skill.name}: {_cut(skill.description)} (file: {skill.path})"
        left -= len(row)
        if left < 0:
            rows.append(f"- and {len(offered) - len(rows)} more, which are not listed here")
            break
        rows.append(row)
    return [f"<skills_instructions>\n{_WORDS.format(rows=chr(10).join(rows))}\n</skills_instructions>"]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"
