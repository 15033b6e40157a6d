"""A machine for install.sh, where Pythons, uv, conda and nvidia-smi are small scripts.

They lie on a PATH of their own, so nothing is fetched and no card is needed.
"""

import shutil
import stat
import subprocess

from kit.paths import ROOT

TOOLS = (
    "bash",
    "basename",
    "cat",
    "cmp",
    "cp",
    "dirname",
    "find",
    "ls",
    "mkdir",
    "rm",
    "sed",
    "sh",
    "touch",
)

# Answers like the real thing: -c prints the version, -m venv makes a folder with an
# interpreter in it, -m pip notes in a log what it is asked for; it can install uv.
PYTHON = """#!/bin/sh
case "$1 $2" in
  -c*virtualenv*) exit {no_virtualenv} ;;
  -c*ensurepip*) exit {no_venv} ;;
  -c*sys.exit*) exit {unpublished} ;;
  -c*tensorflow*)
    echo "TensorFlow 0.0 starts"
    echo "a long story" >&2
    echo "Illegal instruction" >&2
    exit ${{TENSORFLOW_STATUS:-0}} ;;
  -c*) echo {version} ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m virtualenv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  "-m pip")
    shift 2
    echo "$@" >>"$PIP_LOG"
    case "$*" in
      *" uv") [ -z "$UV" ] || cp "$UV" "${{0%/*}}/uv" ;;
      *) exit ${{PIP_STATUS:-0}} ;;
    esac ;;
esac
"""
SHIM = """#!/bin/sh
echo "pyenv: python3.7: command not found" >&2
exit 127
"""
CONDA = """#!/bin/sh
case "$1" in
  info) echo '{base}' ;;
  create)
    while [ $# -gt 0 ]; do
      [ "$1" = --prefix ] && prefix=$2
      shift
    done
    mkdir -p "$prefix/bin" && cp {python} "$prefix/bin/python" ;;
esac
"""
UV = """#!/bin/sh
for last; do :; done
case "$1" in
  python)
    folder=$UV_PYTHON_INSTALL_DIR/cpython-$last-linux/bin
    mkdir -p "$folder" && cp {python} "$folder/python3" ;;
  venv) mkdir -p "$last/bin" && cp {python} "$last/bin/python" ;;
esac
"""
UNAME = """#!/bin/sh
case "$1" in -s) echo {system} ;; -m) echo {machine} ;; esac
"""
# {capability} is empty where the driver is too old to know the field.
NVIDIA_SMI = """#!/bin/sh
case "$1" in
  *compute_cap*)
    if [ -z "{capability}" ]; then
      echo 'Field "compute_cap" is not a valid field to query.'
      exit 2
    fi
    echo "{capability}, {driver}, {name}" ;;
  *) echo "{driver}, {name}" ;;
esac
"""


class Machine:
    """A copy of install.sh on a machine that has only what a test puts there."""

    def __init__(self, folder):
        self.folder = folder
        self.repo = folder / "repo"
        self.bin = folder / "bin"
        self.home = folder / "home"
        self.pip_log = folder / "pip.log"
        (self.repo / "tests").mkdir(parents=True)
        (self.repo / "finetuning").mkdir()
        self.bin.mkdir()
        shutil.copy(str(ROOT / "install.sh"), str(self.repo))
        for name, line in [
            ("requirements.txt", "tensorflow-cpu==1\nsix\n"),
            ("requirements-gpu.txt", "tensorflow[and-cuda]==1\nsix\n"),
            ("finetuning/requirements-horovod.txt", "horovod==1\n"),
            ("tests/requirements.txt", "pytest\n"),
        ]:
            (self.repo / name).write_text(line)
        shutil.copy(str(ROOT / "finetuning/horovod.sh"), str(self.repo / "finetuning"))
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.computer("Linux", "x86_64")
        self.cuda10(False)

    def script(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def python(self, path, version, venv=True, virtualenv=False, published=True):
        text = PYTHON.format(
            version=version,
            no_venv=int(not venv),
            no_virtualenv=int(not virtualenv),
            unpublished=int(not published),
        )
        return self.script(path, text)

    def on_path(self, name, version, **options):
        return self.python(self.bin / name, version, **options)

    def pyenv(self, version, root=".pyenv"):
        return self.python(
            self.home / root / "versions" / version / "bin/python", version
        )

    def conda(self, base, version=None):
        """A conda whose `create` makes this version, or fails."""
        model = "/no/such"
        if version:
            model = self.python(self.folder / "by conda", version)
        text = CONDA.format(base=base, python=f"'{model}'")
        return self.script(self.bin / "conda", text)

    def uv(self, version=None, path=None):
        """A uv whose `python install` and `venv` give this version, or fail."""
        model = "/no/such"
        if version:
            model = self.python(self.folder / "by uv", version)
        return self.script(path or self.bin / "uv", UV.format(python=f"'{model}'"))

    def card(self, name, capability, driver="550.54.14"):
        text = NVIDIA_SMI.format(name=name, capability=capability, driver=driver)
        return self.script(self.bin / "nvidia-smi", text)

    def cuda10(self, there=True):
        library = "libcudart.so.10.0" if there else "libc.so.6"
        return self.script(self.bin / "ldconfig", f"#!/bin/sh\necho {library}\n")

    def computer(self, system, machine):
        text = UNAME.format(system=system, machine=machine)
        return self.script(self.bin / "uname", text)

    def run(self, *arguments, **variables):
        environment = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "PIP_LOG": str(self.pip_log),
        }
        environment.update(variables)
        return subprocess.run(
            [str(self.repo / "install.sh")] + list(arguments),
            cwd=str(self.repo),
            env=environment,
            capture_output=True,
            text=True,
        )

    def said(self, *arguments, **variables):
        """Standard error of a run that must succeed."""
        finished = self.run(*arguments, **variables)
        assert finished.returncode == 0, finished.stderr
        return finished.stderr

    def which(self, **variables):
        finished = self.run("--which", **variables)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.rstrip("\n")

    def refusal(self, *arguments, **variables):
        """The one line of a run that must stop with status 2."""
        finished = self.run(*arguments, **variables)
        assert finished.returncode == 2
        assert finished.stdout == ""
        assert finished.stderr.startswith("install.sh: error: ")
        assert finished.stderr.count("\n") == 1
        return finished.stderr

    def pip_calls(self):
        return self.pip_log.read_text().splitlines() if self.pip_log.exists() else []

    def installed(self):
        """The requirement files that pip was given last, below the suite's folder."""
        words = self.pip_calls()[-1].split("--requirement ")[1:]
        return [word.strip().replace(f"{self.repo}/", "") for word in words]


def machine(tmp_path):
    return Machine(tmp_path)
