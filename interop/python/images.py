"""Container images built without a daemon, by buildah, and what is in them."""

import json
import os
import pathlib
import shutil
import subprocess

from collector import BINARY, ROOT

TARGET = BINARY.parents[1] / "container"
_STORE = ["--storage-driver", "vfs", "--root", TARGET / "storage", "--runroot", TARGET / "run"]
# What this machine trusts, for what is fetched during a build.
_TRUST = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def may_mount():
    """Whether programs can be run in a root directory of their own here."""
    mount = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0


def can_build():
    return may_mount() and shutil.which("buildah") and (TARGET / "debian").is_dir()


def buildah(*arguments, tries=1):
    """What buildah prints, at the first of so many tries that succeeds."""
    for _ in range(tries):
        done = subprocess.run(["buildah", *_STORE, *arguments], stdout=subprocess.PIPE, text=True, timeout=1200)
        if done.returncode == 0:
            return done.stdout.strip()
    raise AssertionError(f"buildah {arguments} failed")


def exists(image):
    return subprocess.run(["buildah", *_STORE, "inspect", "--type", "image", image], capture_output=True).returncode == 0


def build(image, dockerfile, context, *options, **arguments):
    """Builds an image from a Dockerfile with these build arguments."""
    trust = ["--volume", f"{_TRUST}:{_TRUST}:ro"] if _TRUST.exists() else []
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    command = ["bud", "--isolation", "chroot", *trust, *options, *given, "-t", image, "-f", dockerfile, context]
    # What is fetched during a build may fail to come.
    buildah(*command, tries=3)


def base(image, dockerfile, **arguments):
    """Builds an image of interop/container on the Debian that lies in target/, unless it is there."""
    if exists(image):
        return
    tar = TARGET / "base/debian.tar"
    tar.parent.mkdir(exist_ok=True)
    subprocess.run(["tar", "-C", TARGET / "debian", "--exclude=./dev/*", "-cf", tar, "."], check=True)
    build(image, ROOT / "interop/container" / dockerfile, tar.parent, **arguments)
    tar.unlink()


class Unpacked:
    """An image's files, `root`, and how it is run: `env` and `command`."""

    def __init__(self, image):
        config = json.loads(buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
        self.env = config.get("Env", [])
        self.command = config.get("Entrypoint", []) + config.get("Cmd", [])
        self._container = buildah("from", "--pull-never", image)
        self.root = pathlib.Path(buildah("mount", self._container))

    def files(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        buildah("rm", self._container)
