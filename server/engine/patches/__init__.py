"""Patches in the ``*** Begin Patch`` format: read, checked, applied, shown. Knows no thread and no model."""
