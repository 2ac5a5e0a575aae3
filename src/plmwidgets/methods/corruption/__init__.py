"""How training corrupts its sequences, and the loss that follows."""
