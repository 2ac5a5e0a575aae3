"""How much of a protein a model must see to recover a contact or a residue."""
