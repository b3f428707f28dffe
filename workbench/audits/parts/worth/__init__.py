"""What a column brings, what a refit gives, and how a version ages."""
