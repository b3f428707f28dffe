"""Groups: their counts, rates, scores and errors, what differs between them, and by how much it could."""
