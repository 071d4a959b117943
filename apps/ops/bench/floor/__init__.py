"""The yardstick: the least that Celery and PostgreSQL do for the same promises.

A row for each execution, one that it has started, its step records with the finish:
three commits. No workflow language, no tenants, no leases, no events. It runs on the
same servers as the platform, so that a ratio to it says more than a number does.
"""
