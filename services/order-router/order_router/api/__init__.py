"""A request came: who holds which order, and why; what the two sides do with it."""
