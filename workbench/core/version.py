"""The version, where every floor can read it without importing the package's public surface."""

__version__ = "0.1.0"
