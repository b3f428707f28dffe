"""What several audits use."""
