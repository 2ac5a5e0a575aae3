"""Contact maps of every source, attention among them, and how well each finds the true contacts."""
