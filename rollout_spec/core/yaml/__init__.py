"""Strict YAML: data with the place of every key and value, and edits of its text.

Edits keep every other byte. ``reader`` turns bytes into data and nodes, or into problems; ``document`` turns key paths
into lines and columns. ``format`` writes one value as YAML, ``patch`` edits text. Start with ``document``.
"""
