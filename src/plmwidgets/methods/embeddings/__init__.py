"""Hidden states of residues and sequences, and their projections."""
