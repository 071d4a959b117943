"""Types that many rooms share."""

from typing import Any, TypeAlias

# What `json.loads` gives. Spelled with Any inside: recursive aliases make every
# reader narrow what the validators have checked already.
Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
