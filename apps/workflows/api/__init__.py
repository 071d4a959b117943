"""REST endpoints of workflows, secrets and step types."""
