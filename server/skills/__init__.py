"""Skills: folders with instructions in a SKILL.md, found on disk, for clients to list and for models to follow."""
