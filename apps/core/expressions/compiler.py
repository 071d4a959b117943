"""Compiles the tree of an expression to a closure over a Scope.

Only the node types named here exist for us: any other is refused. Nothing is computed
while compiling. What stands at the left (`a.b | c + d and e`) is evaluated in a
loop, so long chains need no deep stack.
"""

from collections.abc import Callable

from jinja2 import nodes

from apps.core.expressions import limits, operators
from apps.core.expressions.arguments import compile_arguments
from apps.core.expressions.chains import (
    LOOKUPS,
    fixed_key,
    unroll,
    what_follows,
    written_path,
)
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.lookups import (
    MISSING,
    Run,
    Step,
    key_find,
    key_step,
    path_find,
    path_parent,
    path_run,
)
from apps.core.expressions.registry import FILTERS, FUNCTIONS, TESTS
from apps.core.expressions.scope import Scope
from apps.core.expressions.slices import slice_step
from apps.core.expressions.steps import (
    binary_step,
    bounded,
    chained,
    constant,
    default_step,
    filter_step,
    measure_of,
    test_step,
)
from apps.core.expressions.values import Value, truth

_BINARY: dict[type[nodes.Node], Callable[[Value, Value], Value]] = {
    nodes.Add: operators.add,
    nodes.Sub: operators.subtract,
    nodes.Mul: operators.multiply,
    nodes.Div: operators.divide,
    nodes.FloorDiv: operators.floor_divide,
    nodes.Mod: operators.modulo,
    nodes.Pow: operators.power,
}
_UNARY: dict[type[nodes.Node], Callable[[Value], Value]] = {
    nodes.Not: operators.negate,
    nodes.Neg: operators.negative,
    nodes.Pos: operators.positive,
}
# Names that JSON and YAML authors write for what Jinja2 calls none.
_NULL = "null"


class Compiler:
    """Compiles one expression and collects what it looks up.

    Attributes:
        references: every path of names that stands in the expression.
        required: those of them that must be defined when it is evaluated.
    """

    def __init__(self) -> None:
        self.references: set[tuple[str, ...]] = set()
        self.required: set[tuple[str, ...]] = set()

    def compile(self, node: nodes.Node) -> Run:
        """The closure that evaluates `node`.

        Raises:
            ExpressionError: it holds something that expressions do not have.
        """
        base, chain = unroll(node)
        _check_lookups(chain)
        if isinstance(base, nodes.Name) and base.name != _NULL:
            run, used = self._path(base, chain)
        else:
            run, used = self._base(base), 0
        steps = self._steps(base, chain, used)
        return chained(run, steps)

    def _base(self, node: nodes.Node) -> Run:
        if isinstance(node, nodes.Const):
            return constant(node.value)
        if isinstance(node, nodes.Name):
            return constant(None)
        if isinstance(node, nodes.List | nodes.Tuple):
            return self._list(node.items)
        for kind, method in self._METHODS.items():
            if isinstance(node, kind):
                return method(self, node)
        name = type(node).__name__
        raise ExpressionError(f"{name} is not available", offset=node.lineno)

    def _path(self, base: nodes.Name, chain: list[nodes.Node]) -> tuple[Run, int]:
        """The longest path of fixed keys from a name on, and the nodes it took."""
        keys: list[str | int] = [base.name]
        used = 0
        for node in chain:
            key = fixed_key(node)
            if key is None:
                break
            keys.append(key)
            used += 1
        optional, more = what_follows(chain, used)
        self._refer(keys, optional=optional)
        path, written = tuple(keys), written_path(base, chain[:used])
        if optional:
            return path_find(path), used
        build = path_parent if more else path_run
        return build(path, written, base.lineno), used

    def _refer(self, keys: list[str | int], *, optional: bool) -> None:
        names: list[str] = []
        for key in keys:
            if not isinstance(key, str):
                break
            names.append(key)
        self.references.add(tuple(names))
        if not optional:
            self.required.add(tuple(names))

    def _steps(
        self, base: nodes.Node, chain: list[nodes.Node], used: int
    ) -> list[Step]:
        steps: list[Step] = []
        for index in range(used, len(chain)):
            node = chain[index]
            if isinstance(node, LOOKUPS):
                written = written_path(base, chain[:index])
                steps.append(self._lookup(node, chain, index, written))
            else:
                steps.append(self._step(node))
        return steps

    def _lookup(
        self, node: nodes.Node, chain: list[nodes.Node], index: int, written: str
    ) -> Step:
        optional, more = what_follows(chain, index + 1)
        if isinstance(node, nodes.Getattr):
            key = constant(node.attr)
        else:
            assert isinstance(node, nodes.Getitem)  # noqa: S101  # narrows for mypy
            if isinstance(node.arg, nodes.Slice):
                return slice_step(self._slice(node.arg), optional=optional)
            key = self.compile(node.arg)
        if optional:
            return key_find(key)
        return key_step(key, written, node.lineno, last=not more)

    def _slice(self, node: nodes.Slice) -> list[Run | None]:
        parts = (node.start, node.stop, node.step)
        return [None if part is None else self.compile(part) for part in parts]

    def _step(self, node: nodes.Node) -> Step:
        if isinstance(node, nodes.And):
            right = self.compile(node.right)
            return lambda scope, left: right(scope) if truth(left) else left
        if isinstance(node, nodes.Or):
            right = self.compile(node.right)
            return lambda scope, left: left if truth(left) else right(scope)
        if isinstance(node, nodes.BinExpr):
            return binary_step(_BINARY[type(node)], self.compile(node.right))
        if isinstance(node, nodes.UnaryExpr):
            change = _UNARY[type(node)]
            return lambda scope, value: change(value)
        assert isinstance(node, nodes.Filter | nodes.Test)  # noqa: S101  # see _LEFT
        return self._filter_or_test(node)

    def _filter_or_test(self, node: nodes.Filter | nodes.Test) -> Step:
        table = FILTERS if isinstance(node, nodes.Filter) else TESTS
        entry = table.get(node.name, node.lineno)
        arguments = compile_arguments(self.compile, node, entry, piped=1)
        if table is FILTERS and entry.name == "default":
            return default_step(arguments)
        if table is TESTS and entry.name in ("defined", "undefined"):
            wanted = entry.name == "defined"
            return lambda scope, value: (value is not MISSING) is wanted
        if table is TESTS:
            return test_step(entry, arguments)
        return filter_step(entry, arguments)

    def _call(self, node: nodes.Call) -> Run:
        if not isinstance(node.node, nodes.Name):
            raise ExpressionError(
                "only functions can be called, by their name; values have no methods:"
                " use a filter, such as {{ name | upper }}",
                offset=node.lineno,
            )
        entry = FUNCTIONS.get(node.node.name, node.node.lineno)
        arguments = compile_arguments(self.compile, node, entry, piped=0)
        call, measure = entry.call, measure_of(entry)
        if entry.needs_scope:
            return lambda scope: measure(scope, arguments.apply(call, scope, scope))
        return lambda scope: measure(scope, arguments.apply(call, scope))

    def _list(self, items: list[nodes.Expr]) -> Run:
        runs = [self.compile(item) for item in items]
        return lambda scope: [run(scope) for run in runs]

    def _dict(self, node: nodes.Dict) -> Run:
        pairs = [
            (self.compile(pair.key), self.compile(pair.value)) for pair in node.items
        ]

        def run(scope: Scope) -> Value:
            return {_text_key(key(scope)): value(scope) for key, value in pairs}

        return run

    def _concat(self, node: nodes.Concat) -> Run:
        runs = [self.compile(part) for part in node.nodes]
        return lambda scope: bounded(
            scope, operators.concat(run(scope) for run in runs)
        )

    def _compare(self, node: nodes.Compare) -> Run:
        first = self.compile(node.expr)
        rest = [
            (operators.COMPARISONS[operand.op], self.compile(operand.expr))
            for operand in node.ops
        ]
        if len(rest) == 1:
            compare, second = rest[0]
            return lambda scope: compare(first(scope), second(scope))

        def run(scope: Scope) -> bool:
            left = first(scope)
            for compare, operand in rest:
                right = operand(scope)
                if not compare(left, right):
                    return False
                left = right
            return True

        return run

    def _condition(self, node: nodes.CondExpr) -> Run:
        condition, yes = self.compile(node.test), self.compile(node.expr1)
        if node.expr2 is None:
            raise ExpressionError(
                "an inline if needs its else: a if condition else b", offset=node.lineno
            )
        no = self.compile(node.expr2)
        return lambda scope: yes(scope) if truth(condition(scope)) else no(scope)

    _METHODS: dict[type[nodes.Node], Callable[..., Run]] = {
        nodes.Dict: _dict,
        nodes.Concat: _concat,
        nodes.Compare: _compare,
        nodes.CondExpr: _condition,
        nodes.Call: _call,
    }


def _check_lookups(chain: list[nodes.Node]) -> None:
    run = 0
    for node in chain:
        run = run + 1 if isinstance(node, LOOKUPS) else 0
        if run > limits.MAX_NESTING:
            raise ExpressionError(
                f"the path has more than {limits.MAX_NESTING} parts", offset=node.lineno
            )


def _text_key(key: Value) -> str:
    if key.__class__ is not str:
        raise ExpressionError("the keys of a mapping are texts")
    return key
