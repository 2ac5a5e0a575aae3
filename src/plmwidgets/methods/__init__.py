"""Analyses beyond the mask scan, a module a method."""
