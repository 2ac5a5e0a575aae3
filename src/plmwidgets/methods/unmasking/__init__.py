"""Strategies that reveal masked residues step by step, and how they compare."""
