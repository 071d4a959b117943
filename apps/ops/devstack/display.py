"""What a person sees of the development stack in the terminal."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

COLORS = {"web": "cyan", "worker": "magenta", "beat": "yellow", "demo": "green"}
WIDTH = max(len(name) for name in COLORS)


class Display:
    """Steps with their times, then the lines of all processes, by color."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    def line(self, name: str | None, line: str) -> None:
        """One line of a process, or of the supervisor itself."""
        if name is None:
            self.note(line)
            return
        prefix = Text(f"{name:<{WIDTH}} | ", style=COLORS.get(name, "blue"))
        self.console.print(prefix + Text.from_ansi(line))

    def note(self, text: str) -> None:
        """What a person should know."""
        self.console.print(Text(text, style="dim"))

    def problem(self, text: str) -> None:
        """Why it does not go on."""
        self.console.print(Text("error: ", style="bold red") + Text(text))

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that something is under way, then how long it took."""
        began = time.monotonic()
        with self.console.status(f"{title} ..."):
            yield
        took = f"{time.monotonic() - began:.1f} s"
        self.console.print(f"[green]✓[/] {title} [dim]{took}[/]")

    def ready(self, sign_in: Mapping[str, str], took_s: float) -> None:
        """The address and the sign-in."""
        text = Text()
        for label, name in (("Open", "url"), ("E-mail", "email")):
            text.append(f"{label:<9}").append(sign_in[name] + "\n", style="bold")
        text.append(f"{'Password':<9}").append(sign_in["password"], style="bold")
        title = f"Ready after {took_s:.1f} s"
        self.console.print(Panel(text, title=title, subtitle="Ctrl-C stops all"))
