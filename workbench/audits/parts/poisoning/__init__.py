"""Wrong labels, triggers, copies and sources in training data."""
