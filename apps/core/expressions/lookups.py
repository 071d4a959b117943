"""Looking up names, keys and indexes. Python attributes are never touched."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from apps.core.expressions.errors import UndefinedName, did_you_mean, near_misses
from apps.core.expressions.scope import Scope
from apps.core.expressions.values import PLAIN, Value, kind, plain

Run = Callable[[Scope], Value]
Step = Callable[[Scope, Value], Value]


class Missing:
    """What a lookup gives where a name may be undefined."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


def find(value: Value, key: Value) -> Value:
    """The entry of a mapping, list or text, or MISSING."""
    cls = value.__class__
    if cls is dict:
        return value.get(key, MISSING) if key.__class__ is str else MISSING
    if cls is list or cls is str:
        if key.__class__ is int and -len(value) <= key < len(value):
            return value[key]
        return MISSING
    if isinstance(value, Mapping) and key.__class__ is str:
        try:
            return value[key]
        except KeyError:
            return MISSING
    return MISSING


def find_root(scope: Scope, name: str) -> Value:
    """The value of a name in the innermost frame that has it, or MISSING."""
    for frame in scope.frames:
        value = frame.get(name, MISSING)
        if value is not MISSING:
            return value
    return MISSING


def path_run(keys: tuple[str | int, ...], written: str, offset: int) -> Run:
    """Looks up a name and the keys after it; what it gives is JSON.

    Args:
        keys: the name first.
        written: the path as the author wrote it, for messages.
    """
    root = str(keys[0])
    rest = keys[1:]

    def run(scope: Scope) -> Value:
        for frame in scope.frames:
            value = frame.get(root, MISSING)
            if value is not MISSING:
                break
        else:
            raise _explain(scope, keys, written, offset)
        for key in rest:
            value = find(value, key) if value.__class__ is not dict else value.get(key)
            # `get` gives None for a missing key too, so look again at what is rare.
            if value is None or value is MISSING:
                value = _resolve(scope, keys)
                if value is MISSING:
                    raise _explain(scope, keys, written, offset)
                break
        return value if value.__class__ in PLAIN else plain(value, written)

    return run


def path_find(keys: tuple[str | int, ...]) -> Run:
    """Looks up a name and keys; gives MISSING where one is undefined."""
    return lambda scope: _resolve(scope, keys)


def path_parent(keys: tuple[str | int, ...], written: str, offset: int) -> Run:
    """Like `path_run`, for a value that more lookups follow (may be no JSON)."""

    def run(scope: Scope) -> Value:
        value = _resolve(scope, keys)
        if value is MISSING:
            raise _explain(scope, keys, written, offset)
        return value

    return run


def _resolve(scope: Scope, keys: tuple[str | int, ...]) -> Value:
    value = find_root(scope, str(keys[0]))
    for key in keys[1:]:
        if value is MISSING:
            return MISSING
        value = find(value, key)
    return value


def key_step(key: Run, written: str, offset: int, *, last: bool) -> Step:
    """Looks up a key that is computed.

    Args:
        written: the path before the key.
        last: no lookup follows, so the value must be JSON.
    """

    def step(scope: Scope, value: Value) -> Value:
        name = key(scope)
        found = find(value, name)
        if found is MISSING:
            raise undefined(value, name, written, offset)
        if last and found.__class__ not in PLAIN:
            return plain(found, written + _suffix(name))
        return found

    return step


def key_find(key: Run) -> Step:
    """Looks up a key that is computed; gives MISSING where it is undefined."""

    def step(scope: Scope, value: Value) -> Value:
        return MISSING if value is MISSING else find(value, key(scope))

    return step


def _suffix(key: Value) -> str:
    if isinstance(key, str):
        if key.isidentifier():
            return f".{key}"
        return f"[{key!r}]" if len(key) <= 80 else "[…]"
    return f"[{key}]" if key.__class__ is int else "[…]"


def _explain(
    scope: Scope, keys: tuple[str | int, ...], written: str, offset: int
) -> UndefinedName:
    root = str(keys[0])
    value = find_root(scope, root)
    if value is MISSING:
        return _undefined_root(scope, root, written, offset)
    label = root
    for key in keys[1:]:
        found = find(value, key)
        if found is MISSING:
            break
        value, label = found, label + _suffix(key)
    return undefined(value, key, label, offset)


def _undefined_root(
    scope: Scope, root: str, written: str, offset: int
) -> UndefinedName:
    names: dict[str, Value] = {}
    for frame in reversed(scope.frames):
        # A frame that is no dict may compute its values: leave it alone.
        names.update(frame if isinstance(frame, dict) else {})
    holders = [
        f"{name}.{root}"
        for name, value in names.items()
        if value.__class__ is dict and root in value
    ]
    meant = holders[:3] or near_misses(root, names)
    within = f" (in {written})" if written != root else ""
    return UndefinedName(
        f"{root} is not defined{within}{did_you_mean(meant)}", offset=offset
    )


def undefined(value: Value, key: Value, label: str, offset: int) -> UndefinedName:
    """The error that says why `key` cannot be found in `value`.

    Args:
        label: the path that led to `value`, as written.
    """
    return UndefinedName(_why_undefined(value, key, label), offset=offset)


def _why_undefined(value: Value, key: Value, label: str) -> str:
    path = label + _suffix(key)
    if value is None:
        return f"{label} is null, so {path} cannot be looked up"
    if isinstance(value, list | str):
        if key.__class__ is int:
            items = "items" if isinstance(value, list) else "characters"
            return f"{path} does not exist: {label} has {len(value)} {items}"
        hint = f"; write {label}[0]{_suffix(key)}" if isinstance(key, str) else ""
        return f"{path} is not defined: {label} is {kind(value)}{hint}"
    if not isinstance(value, Mapping):
        return f"{path} is not defined: {label} is {kind(value)}"
    if key.__class__ is not str:
        return f"{label} is a mapping, its keys are texts, not {kind(key)}"
    known: Iterable[str] = value if isinstance(value, dict) else ()
    meant = [label + _suffix(name) for name in near_misses(key, known)]
    return f"{path} is not defined{did_you_mean(meant)}"
