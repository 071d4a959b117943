"""What every REST endpoint is built from."""
