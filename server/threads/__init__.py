"""Threads in memory: their state, who attached, what they publish."""
