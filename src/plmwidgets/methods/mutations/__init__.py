"""Scores of single and several mutations, and their comparison with deep mutational scans."""
