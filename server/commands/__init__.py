"""Commands on this machine: one child with all its descendants, what it may see and do, what it says."""
