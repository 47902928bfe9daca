# SPDX-License-Identifier: Apache-2.0
"""A container recipe's steps done by hand, where there is no container engine: container_steps.py RECIPE TREE BASE WORK.

BASE is a root folder of the release that every FROM names. Each stage is an overlay of its own above it; the last one
stays mounted as WORK/image, and what it says of running (user, environment, volumes, command) is printed as JSON. An
instruction that is not known here ends it: a step left out would be no test. Runs in a mount namespace of its own.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys


def instructions(path):
    """(NAME, rest) of each, lines that go on joined, comments left out."""
    with open(path, encoding="utf-8") as recipe:
        lines = [line.rstrip("\n") for line in recipe if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").split("\n"):
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name, rest.strip()


class Stage:
    def __init__(self, base, work, name):
        self.root = os.path.join(work, name)
        above, between = self.root + ".above", self.root + ".work"
        for folder in self.root, above, between:
            os.makedirs(folder)
        subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir={base},upperdir={above},workdir={between}",
                        "overlay", self.root], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", self.inside("/proc")], check=True)
        shutil.copy("/etc/resolv.conf", self.inside("/etc/resolv.conf"))
        self.folder, self.environment = "/", {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.runs_as = {"volumes": [], "user": "0:0"}

    def inside(self, path):
        return os.path.normpath(self.root + "/" + os.path.join(self.folder if hasattr(self, "folder") else "/", path))

    def run(self, command):
        subprocess.run(["chroot", self.root, "sh", "-c", f"cd {shlex.quote(self.folder)} && {command}"], check=True,
                       env=self.environment, stdin=subprocess.DEVNULL, stdout=sys.stderr)

    def copy(self, arguments, tree, stages):
        *sources, target = [word for word in arguments if not word.startswith("--")]
        origin = tree
        for word in arguments:
            if word.startswith("--from="):
                origin = stages[word.removeprefix("--from=")].root
        to_folder = target.endswith("/") or len(sources) > 1
        for source in sources:
            path = os.path.normpath(os.path.join(origin, source.lstrip("/")))
            place = self.inside(target)
            if os.path.isdir(path):
                os.makedirs(place, exist_ok=True)
                archive = ["tar", "-c", "-C", path, "--exclude=./build", "--exclude=./.git", "."]
                with subprocess.Popen(archive, stdout=subprocess.PIPE) as packer:
                    subprocess.run(["tar", "-x", "--no-same-owner", "-C", place], stdin=packer.stdout, check=True)
            else:
                os.makedirs(place if to_folder else os.path.dirname(place), exist_ok=True)
                shutil.copy(path, place)


def main(recipe, tree, base, work):
    stages, stage = {}, None
    for name, rest in instructions(recipe):
        print(f"== {name} {rest}", file=sys.stderr, flush=True)
        if name == "FROM":
            words = rest.split()
            stage = Stage(base, work, words[2] if len(words) == 3 else "image")
            stages[os.path.basename(stage.root)] = stage
        elif name == "COPY":
            stage.copy(rest.split(), tree, stages)
        elif name == "RUN":
            stage.run(rest)
        elif name == "WORKDIR":
            stage.folder = rest
            os.makedirs(stage.inside(rest), exist_ok=True)
        elif name == "ENV":
            stage.environment.update([rest.split("=", 1)])
        elif name == "USER":
            stage.runs_as["user"] = rest
        elif name == "VOLUME":
            stage.runs_as["volumes"] += json.loads(rest)
        elif name in ("ENTRYPOINT", "CMD"):
            stage.runs_as[name.lower()] = json.loads(rest)
        elif name == "HEALTHCHECK":
            stage.runs_as["healthcheck"] = json.loads(rest.removeprefix("CMD "))
        elif name == "STOPSIGNAL":
            stage.runs_as["stopsignal"] = rest
        else:
            sys.exit(f"{name}: not known to container_steps.py")
    subprocess.run(["umount", stage.inside("/proc") if stage.folder == "/" else stage.root + "/proc"], check=True)
    stage.runs_as["environment"] = stage.environment
    json.dump(stage.runs_as, sys.stdout)


main(*sys.argv[1:])
