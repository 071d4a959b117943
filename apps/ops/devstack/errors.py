"""What the development stack says when it cannot go on."""


class StackError(Exception):
    """A part of the stack cannot run; the message tells a person what to do."""
