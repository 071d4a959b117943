"""The workflow definition: what a document may say and what it means."""
