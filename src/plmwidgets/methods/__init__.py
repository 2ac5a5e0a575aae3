"""Methods of the field: what a protein language model says of contacts and of mutations."""
