"""Who is told of published events: one line each, by dotted name.

A subscriber is a function of a list of `Published`. It is called in a transaction
that sees all organizations and that also notes how far it is: what it writes is
neither lost nor doubled when the process is killed. It must not wait for anything
outside the database. When it fails, it alone is told the same events again.
"""

SUBSCRIBERS = ("apps.webhooks.fanout.fan_out",)
