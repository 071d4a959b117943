"""One log line an event: time, level, logger, text, then `key=value` extras."""

import logging

# What every LogRecord has; the rest came by `extra=`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


class LineFormatter(logging.Formatter):
    """Formats extras behind the message, so that lines can be searched by key."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # stdlib's name
        line = super().formatMessage(record)
        extras = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        # Celery puts its own data dictionary on records; it is noise here.
        extras.pop("data", None)
        return line + "".join(f" {key}={value}" for key, value in extras.items())
