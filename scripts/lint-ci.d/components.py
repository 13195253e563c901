"""Writes what GitLab makes of the components: their inputs put in, and the child pipeline that one of them generates."""

import pathlib
import sys

from ruamel.yaml import YAML

yaml = YAML(typ="safe")
# What stands for an input without a default.
REQUIRED = "registry.example.com/tools/weighbridge:v0"
# A job as `weighbridge plan --format gitlab` prints it.
JOB = (
    '"web linux/arm64": {"extends":".weighbridge-build","tags":["saas-linux-small-arm64"],'
    '"variables":{"WEIGHBRIDGE_CELLS":"web@linux/arm64"}}\n'
)


def rendered(component: pathlib.Path) -> str:
    head, body = component.read_text().split("\n---\n", 1)
    for name, given in yaml.load(head)["spec"]["inputs"].items():
        body = body.replace(f"$[[ inputs.{name} ]]", str(given.get("default", REQUIRED)))
    return body


def children(pipeline: str) -> list[str]:
    scripts = [line for job in yaml.load(pipeline).values() for line in job.get("script", [])]
    return [line.split("<<'PIPELINE'\n")[1].split("\nPIPELINE\n")[0] + "\n" + JOB for line in scripts if "<<'PIPELINE'\n" in line]


folder = pathlib.Path(sys.argv[1])
for component in map(pathlib.Path, sys.argv[2:]):
    pipeline = rendered(component)
    for number, text in enumerate([pipeline, *children(pipeline)]):
        (folder / f"{component.stem}-{number}.yml").write_text(text)
