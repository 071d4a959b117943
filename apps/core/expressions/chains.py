"""The shape of an expression: what stands at the left and what is done to it."""

from typing import cast

from jinja2 import nodes

LOOKUPS = (nodes.Getattr, nodes.Getitem)
_BINARY = (
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Pow,
    nodes.And,
    nodes.Or,
)
_UNARY = (nodes.Not, nodes.Neg, nodes.Pos)
_INNER = (*_UNARY, *LOOKUPS, nodes.Filter, nodes.Test)


def unroll(node: nodes.Node) -> tuple[nodes.Node, list[nodes.Node]]:
    """The node furthest to the left, and what is done to it, in order."""
    chain: list[nodes.Node] = []
    while True:
        if isinstance(node, _BINARY):
            chain.append(node)
            node = cast(nodes.BinExpr, node).left
        elif isinstance(node, _INNER):
            chain.append(node)
            node = cast(nodes.UnaryExpr, node).node
        else:
            chain.reverse()
            return node, chain


def is_plain_path(node: nodes.Node) -> bool:
    """Whether an expression only hands on a value that exists already."""
    base, chain = unroll(node)
    fixed = all(fixed_key(each) is not None for each in chain)
    return isinstance(base, nodes.Name | nodes.Const) and fixed


def fixed_key(node: nodes.Node) -> str | int | None:
    """The key that a lookup is written with; None if computed or no lookup."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem):
        return _fixed_index(node.arg)
    return None


def _fixed_index(node: nodes.Node) -> str | int | None:
    """The key between brackets when it is a literal: a text or a whole number."""
    if isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const):
        value = node.node.value
        return -value if value.__class__ is int else None
    if isinstance(node, nodes.Const) and node.value.__class__ in (int, str):
        key: str | int = node.value
        return key
    return None


def what_follows(chain: list[nodes.Node], index: int) -> tuple[bool, bool]:
    """Whether a lookup there may be undefined, and whether more lookups follow."""
    more = index < len(chain) and isinstance(chain[index], LOOKUPS)
    while index < len(chain) and isinstance(chain[index], LOOKUPS):
        index += 1
    follower = chain[index] if index < len(chain) else None
    if isinstance(follower, nodes.Filter):
        return follower.name in ("default", "d"), more
    if isinstance(follower, nodes.Test):
        return follower.name in ("defined", "undefined"), more
    return False, more


def written_path(base: nodes.Node, lookups: list[nodes.Node]) -> str:
    """A path as its author wrote it, with […] for what is computed."""
    written = base.name if isinstance(base, nodes.Name) else "the value"
    for node in lookups:
        if not isinstance(node, LOOKUPS):
            written = "the value"
            continue
        key = fixed_key(node)
        if isinstance(key, str) and key.isidentifier():
            written += f".{key}"
        else:
            written += "[…]" if key is None else f"[{key!r}]"
    return written
