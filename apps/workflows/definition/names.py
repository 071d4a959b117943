"""Checking on save that every name in an expression will exist when it is reached."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.core.expressions import compile_template
from apps.core.paths import Path
from apps.steps.base import Condition, Value
from apps.workflows.definition.params import texts_with_expressions
from apps.workflows.definition.problems import Problems, near_misses

Reference = tuple[str, ...]
# Names that the engine gives to every expression of a step.
ROOTS = frozenset({"inputs", "variables", "steps", "execution", "workflow"})
# Before the first step runs.
EARLY_ROOTS = ROOTS - {"steps"}
# What stands in those that are the same for every workflow.
ENTRIES = {
    "execution": frozenset({"id", "started_at", "trigger", "dry_run", "resume_url"}),
    "workflow": frozenset({"id", "name"}),
}
STEP_ENTRIES = frozenset({"output", "status", "error"})
SECRETS = "secrets"
ERROR = "error"
TAKEN = ROOTS | {SECRETS}


@dataclass(frozen=True, slots=True)
class Around:
    """One block around a step, and which of its bodies the step is in."""

    block: str
    body: Path
    is_loop: bool
    is_parallel: bool


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a step stands among the others.

    Attributes:
        order: its number in the document.
        around: the blocks around it, the outermost first.
        names: names that those blocks give; None when a mistake hides them.
    """

    id: str
    order: int
    around: tuple[Around, ...] = ()
    names: frozenset[str] | None = frozenset()

    def in_loop(self) -> bool:
        """Whether a loop is around it that `break` would leave from here."""
        for around in reversed(self.around):
            if around.is_parallel:
                return False
            if around.is_loop:
                return True
        return False

    def in_parallel(self) -> bool:
        """Whether it may run beside other steps."""
        return any(around.is_parallel for around in self.around)


@dataclass(frozen=True, slots=True)
class Use:
    """One text with expressions.

    Attributes:
        spot: the step it belongs to; None for what is read before the first step.
        looks_inside: it may see the steps inside its block (a `while`).
    """

    path: Path
    references: frozenset[Reference]
    required: frozenset[Reference]
    spot: Spot | None
    may_use_secrets: bool = False
    looks_inside: bool = False


@dataclass
class Names:
    """All that a document defines, and all that its expressions look up.

    Attributes:
        inputs: declared inputs; None when none are declared, so that any may come.
        any_variable: a variable is set whose name is computed.
    """

    inputs: frozenset[str] | None = None
    variables: set[str] = field(default_factory=set)
    any_variable: bool = False
    spots: dict[str, Spot] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    def use(
        self,
        value: Value | None,
        path: Path,
        spot: Spot | None,
        *,
        looks_inside: bool = False,
    ) -> None:
        """Note the expressions of a value that stands outside of parameters."""
        if isinstance(value, Condition):
            compiled = value.compiled
            found = compiled.references, compiled.required
            self.uses.append(Use(path, *found, spot, looks_inside=looks_inside))
        elif value is not None:
            self.use_texts(value.raw, path, spot, looks_inside=looks_inside)

    def use_texts(
        self,
        value: object,
        path: Path,
        spot: Spot | None,
        *,
        may_use_secrets: bool = False,
        looks_inside: bool = False,
    ) -> None:
        """Note every text with expressions in `value`."""
        for place, text in texts_with_expressions(value, path):
            template = compile_template(text)
            found = template.references, template.required
            self.uses.append(Use(place, *found, spot, may_use_secrets, looks_inside))

    def check(self, problems: Problems) -> None:
        """Note every name that will not exist where it is used."""
        for use in self.uses:
            for reference in sorted(use.references):
                message = self._mistake(use, reference)
                if message:
                    problems.add(use.path, message)

    def _mistake(self, use: Use, reference: Reference) -> str | None:
        root, is_required = reference[0], reference in use.required
        given = use.spot.names if use.spot else frozenset()
        if given is not None and root in given:
            return None
        if root == SECRETS:
            return _secret_mistake(use, reference)
        if root not in (ROOTS if use.spot else EARLY_ROOTS):
            is_known_wrong = is_required and given is not None
            return self._unknown_root(use, root) if is_known_wrong else None
        if len(reference) == 1:
            return None
        if root == "steps":
            return self._step_mistake(
                use, reference[1], is_required=is_required
            ) or _result_mistake(reference, is_required=is_required)
        return self._entry_mistake(root, reference[1]) if is_required else None

    def _unknown_root(self, use: Use, root: str) -> str:
        if root == "steps":
            return "steps have not run yet where this is evaluated"
        holders = [
            f"{kind}.{root}"
            for kind, names in (
                ("variables", self.variables),
                ("inputs", self.inputs or ()),
                ("steps", self.spots),
            )
            if root in names
        ]
        given = (use.spot.names if use.spot else None) or frozenset()
        return _undefined(root, holders or near_misses(root, TAKEN | given))

    def _entry_mistake(self, root: str, name: str) -> str | None:
        known: Iterable[str]
        if root == "inputs" and self.inputs is not None:
            known = self.inputs
        elif root == "variables" and not self.any_variable:
            known = self.variables
        elif root in ENTRIES:
            known = ENTRIES[root]
        else:
            return None
        return None if name in known else _undefined_in(root, name, known)

    def _step_mistake(self, use: Use, name: str, *, is_required: bool) -> str | None:
        target, here = self.spots.get(name), use.spot
        if target is None:
            return _undefined_in("steps", name, self.spots)
        if here is None or not is_required:
            return None
        if _runs_beside(target, here):
            return f'the step "{name}" runs beside this one, in another branch'
        if _shares_loop(target, here, looks_inside=use.looks_inside):
            return None
        if target.id == here.id:
            return f'the step "{name}" cannot use its own output'
        if any(around.block == name for around in here.around):
            return f'the step "{name}" is around this one and has not ended yet'
        return f'the step "{name}" comes later' if target.order > here.order else None


def _result_mistake(reference: Reference, *, is_required: bool) -> str | None:
    if not is_required or len(reference) < 3 or reference[2] in STEP_ENTRIES:
        return None
    return _undefined_in(f"steps.{reference[1]}", reference[2], STEP_ENTRIES)


def _secret_mistake(use: Use, reference: Reference) -> str | None:
    if not use.may_use_secrets:
        return "secrets can be used only in the params of a step"
    if len(reference) == 1:
        return "name one secret, such as secrets.api_key; they cannot be listed"
    return None


def _runs_beside(target: Spot, here: Spot) -> bool:
    mine = {around.block: around.body for around in here.around}
    return any(
        around.is_parallel and mine.get(around.block, around.body) != around.body
        for around in target.around
    )


def _shares_loop(target: Spot, here: Spot, *, looks_inside: bool) -> bool:
    """Whether an earlier iteration may have run the target."""
    mine = {around.block for around in here.around}
    if looks_inside:
        mine.add(here.id)
    return any(around.is_loop and around.block in mine for around in target.around)


def _undefined(name: str, meant: Iterable[str]) -> str:
    hint = " or ".join(meant)
    return f"{name} is not defined" + (f"; did you mean {hint}?" if hint else "")


def _undefined_in(root: str, name: str, known: Iterable[str]) -> str:
    meant = [f"{root}.{near}" for near in near_misses(name, known)]
    return _undefined(f"{root}.{name[:100]}", meant)
