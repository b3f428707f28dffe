"""What probabilities say and what happened, and sets that hold the truth."""
