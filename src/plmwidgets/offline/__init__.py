"""Pages that show a protein without a notebook: `record` says what is in one, `page` writes it."""
