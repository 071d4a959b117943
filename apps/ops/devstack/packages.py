"""The system's package manager: used as root on Debian, named elsewhere."""

import os
import shutil
import subprocess
import sys

INSTALLERS = {
    "apt-get": "apt-get install {}",
    "dnf": "dnf install {}",
    "apk": "apk add {}",
    "pacman": "pacman -S {}",
    "zypper": "zypper install {}",
}
APT_TIMEOUT_S = 600


def install_command(package: str, *, mac: str | None = None) -> str:
    """The command by which a person installs the package on this system."""
    if sys.platform == "darwin":
        return f"brew install {mac or package}"
    for program, command in INSTALLERS.items():
        if shutil.which(program):
            return "sudo " + command.format(package)
    return f"install the package {package}"


def apt_install(*packages: str) -> bool:
    """Install Debian packages when we are root; whether that worked."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    # A fresh container has no package lists, an old one has stale ones.
    for command in (install, ["apt-get", "update", "-q"], install):
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, timeout=APT_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            return False
        if command is install and done.returncode == 0:
            return True
    return False
