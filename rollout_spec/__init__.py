"""A model is rolled out, and back, by reviewed commits to one YAML file."""

__version__ = "0.1.0"
