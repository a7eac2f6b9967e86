"""What is said. Wire types and nothing else: no I/O, no clock, no await."""
