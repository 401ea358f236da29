"""The tools as the official SDK serves them, over standard input and output."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from monitor import __version__
from monitor.base.errors import MonitorError
from monitor.mcp.answers import Answers, Document
from monitor.mcp.quoted import NOTE

if TYPE_CHECKING:
    from mcp.server import MCPServer

INSTRUCTIONS = f"Looks at trainings that trainwarden watches. All tools only read. {NOTE}"


def server_of(answers: Answers) -> MCPServer[Any]:
    """Return a server of the tools. Raises MonitorError where the SDK is not installed."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
        from mcp.types import ToolAnnotations
    except ImportError:
        what = "needs the package mcp, version 2 or later"
        raise MonitorError("monitor mcp", what, expected="pip install 'trainwarden[mcp]'") from None
    server: MCPServer[Any] = MCPServer("trainwarden", version=__version__, instructions=INSTRUCTIONS, log_level="ERROR")
    reads = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

    def asked(question: Callable[..., Document], *words: object) -> Document:
        try:
            return question(*words)
        except MonitorError as error:
            raise ToolError(str(error)) from None

    def tool(about: str) -> Callable[[Callable[..., Document]], object]:
        return server.tool(description=f"{about} {NOTE}", annotations=reads)

    @tool("List the trainings that are or were watched, with their state, step and number of problems.")
    def list_runs() -> dict[str, Any]:
        return asked(answers.list_runs)

    @tool("Say how one training goes or ended, what was checked, and its last figures. `run` is that of list_runs.")
    def summary(run: str) -> dict[str, Any]:
        return asked(answers.summary, run)

    @tool("List what is or was wrong with one training, with the log lines that show it and what to do.")
    def problems(run: str) -> dict[str, Any]:
        return asked(answers.problems, run)

    @tool("Explain a rule by its name, such as TrainLossNonfinite: what it tests, why, and where its level comes from.")
    def explain_rule(rule: str) -> dict[str, Any]:
        return asked(answers.explain_rule, rule)

    @tool("Show a line of one training's log with up to 20 lines on each side.")
    def lines_around(run: str, line: int, context: int = 5) -> dict[str, Any]:
        return asked(answers.lines_around, run, line, context)

    @tool("Compare the newest figures of two trainings, and name values that no two trainings can share.")
    def compare(run: str, other: str) -> dict[str, Any]:
        return asked(answers.compare, run, other)

    return server
