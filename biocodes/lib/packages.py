"""Packages that only some commands need, imported when they are needed."""

import importlib
import os
from types import ModuleType

from biocodes.lib import command, files

REQUIREMENTS = os.path.join("biocodes", "requirements.txt")


def require(name: str, purpose: str) -> ModuleType:
    """Import a package, or a module of one.

    Args:
      name: as in an import statement.
      purpose: what needs it, a flag or a path, for the message.

    Raises:
      InputError: it is not installed, or cannot be imported here.
    """
    try:
        # Some write lines about the machine to standard error.
        with command.standard_error_dropped():
            return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise files.InputError(
            f"needs the package {package}, which cannot be imported ({error})",
            purpose,
            remedy=f"pip install -r {REQUIREMENTS}",
        ) from error
