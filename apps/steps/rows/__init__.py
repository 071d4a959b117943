"""Work on rows: lists of mappings, as tables and APIs give them."""
