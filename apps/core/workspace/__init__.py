"""An organization's files, the same on a local disk and in an object store."""

from apps.core.workspace.names import checked_folder, checked_path
from apps.core.workspace.workspace import Workspace

__all__ = ["Workspace", "checked_folder", "checked_path"]
