"""Whether a command may run, decided without running it. Knows no thread, no client and no process.

``script`` takes a shell script apart, ``safe`` knows harmless and dangerous commands, ``rules`` reads what users
allowed and forbade, ``decision`` weighs these against the policies, ``grants`` remembers the answers of a session, and
``actions`` tells clients what a command seems to do.
"""
