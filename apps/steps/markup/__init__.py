"""Reading values out of HTML and XML that stands in a text."""
