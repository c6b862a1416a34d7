"""The commands, one module each, named like them.

A command reads arguments and prints; ``workflows`` has the work. No command imports another.
"""
