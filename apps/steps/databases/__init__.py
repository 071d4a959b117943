"""Asking databases, in processes of their own."""
