"""Messages of other systems, kept as they came and as they were answered."""
