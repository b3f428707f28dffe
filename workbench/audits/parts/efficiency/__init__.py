"""Time, memory and size of a model, and of copies of it."""
