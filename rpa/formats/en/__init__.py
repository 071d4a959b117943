"""English, which is what the platform speaks."""
