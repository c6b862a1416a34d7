"""Git, forges and monitors: everything outside the process.

Imports ``core`` alone; only ``workflows`` and ``cli`` import it. Start with ``git/repository`` for commits, and with
``forges/__init__`` for the protocol that every forge satisfies.
"""
