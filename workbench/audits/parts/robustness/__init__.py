"""Where a row may move, who moves it there, and how far it provably cannot be moved."""
