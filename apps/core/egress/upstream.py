"""A proxy of somebody else's that connections go out by, after our own checks.

The proxy itself is a destination like any other. What it connects to is its business:
it looks the names up, and its network is another one. So of a target only that is
checked which needs no look-up: addresses, and names that cannot be public ones.
"""

import re
import socket
import struct
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Literal

from apps.core.egress.dialing import (
    Resolver,
    connect,
    resolve_by_system,
)
from apps.core.egress.errors import EgressRefused
from apps.core.egress.hosts import is_numeric, normalize_host
from apps.core.egress.origins import Origin
from apps.core.egress.policy import Policy
from apps.core.errors import PermanentFailure, TemporaryFailure
