"""What stops an outbound connection."""

from apps.core.errors import PermanentFailure


class EgressRefused(PermanentFailure):
    """The policy forbids this destination; trying again cannot help.

    `details` holds `host`, `port`, `address` and `reason`.
    """

    code = "egress_refused"

    @property
    def reason(self) -> str:
        """Why the address is refused, such as `loopback address`."""
        return str(self.details.get("reason", ""))


class ProxyRefused(PermanentFailure):
    """The proxy that a workflow names does not want to; nor will it next time."""

    code = "proxy_refused"


class InvalidHost(PermanentFailure):
    """The text is no host name or IP address that may be connected to."""

    code = "invalid_host"
