"""The build backend that pip finds in pyproject.toml: it refuses, in one line."""

import sys


def refuse(*_, **__):
    sys.exit(
        "error: this suite is not a package but is run from its folder: ./install.sh, "
        "or 'pip install -r requirements.txt', installs what it needs"
    )


get_requires_for_build_wheel = build_wheel = refuse
get_requires_for_build_editable = build_editable = refuse
get_requires_for_build_sdist = build_sdist = refuse
