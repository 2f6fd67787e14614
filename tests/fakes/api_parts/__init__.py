"""What the fake server of the REST API knows and does, by subject."""
