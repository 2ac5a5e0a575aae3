"""Structures: read from a file, placed on a sequence, turned into distances and contacts."""

from plmwidgets.structure.structure import Structure

__all__ = ["Structure"]
