"""Contributions of columns, how stable they are, and the search for another answer."""
