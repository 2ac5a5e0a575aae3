"""What the benchmarks share: models, accuracy, fair timing, conditions, goals and tables."""
