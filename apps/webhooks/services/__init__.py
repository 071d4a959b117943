"""Changes of webhooks, each in one transaction with its audit entry."""
