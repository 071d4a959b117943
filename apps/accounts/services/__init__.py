"""Every write to accounts: one function a use case, each leaves an audit entry."""

from apps.accounts.services.trail import audit

__all__ = ["audit"]
