"""Forges for tests: what they answer is computed from a real bare repository, to which git really pushes."""
