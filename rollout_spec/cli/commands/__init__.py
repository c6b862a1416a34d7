"""The commands, one module each with the command's name.

A command reads arguments and prints; ``workflows`` has the work. No command imports another.
"""
