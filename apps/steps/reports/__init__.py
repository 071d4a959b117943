"""Reports: HTML made of templates and data."""
