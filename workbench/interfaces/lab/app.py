"""The server extension: settings, routes, and what must stop with the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp

from workbench.interfaces.lab import decisions
from workbench.interfaces.lab.handlers import ROUTES
from workbench.interfaces.lab.projects import Projects
from workbench.journal import Entry

EVENTS = Path(__file__).parent / "events" / "journal.yaml"
JOURNAL_MOVED = "urn:model-workbench:journal:v1"


class WorkbenchApp(ExtensionApp):
    """``c.WorkbenchApp`` in Jupyter's configuration."""

    name = "workbench"
    extension_url = "/lab"
    load_other_extensions = True
    # Jupyter types what a started server always has as optional.
    serverapp: Any

    def initialize_settings(self) -> None:
        """Register the event and find where projects may lie."""
        self.serverapp.event_logger.register_event_schema(EVENTS)
        root = Path(self.serverapp.contents_manager.root_dir).expanduser().resolve()
        self.settings["workbench_projects"] = Projects(root, moved=self._moved)

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend([*ROUTES, *decisions.ROUTES])

    def _moved(self, project: str, entry: Entry) -> None:
        """Say on Jupyter's event bus that a journal grew. Called from a project's own thread."""
        data = {"project": project, "seq": entry.seq, "stream": entry.stream, "kind": entry.kind}
        loop = self.serverapp.io_loop
        loop.add_callback(self.serverapp.event_logger.emit, schema_id=JOURNAL_MOVED, data=data)

    async def stop_extension(self) -> None:
        """Stop the threads and close the journals."""
        self.settings["workbench_projects"].close()
