"""Structures predicted from sequences."""
