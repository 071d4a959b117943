"""A small site of made data to practice robots on; holds nothing of a tenant."""
