"""What the audits are made of: one folder for each, by its name, and ``shared`` for what several use."""
