"""The contract of the training data, and what repeats, leaks or identifies."""
