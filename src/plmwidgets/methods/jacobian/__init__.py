"""The categorical Jacobian, full and fast: how logits answer to substitutions."""
