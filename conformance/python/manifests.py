"""What deploy/ says, looked at as data.

    manifests.py resources FOLDER              every manifest is a resource of the kustomization, and no other
    manifests.py environment DEPLOYMENT FOLDER prints the container's variables for a shell; its secrets are in FOLDER
    manifests.py compose COMPOSE DOCKERFILE    ports and folders are those of the image
    manifests.py ports                         prints two ports that are free
"""

import re
import shlex
import socket
import sys
from pathlib import Path

import yaml


def resources(folder):
    folder = Path(folder)
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    present = {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == present, f"listed {sorted(listed)}, present {sorted(present)}"
    assert len(listed) == len(present), "one is listed twice"


def environment(deployment, secrets):
    pod = yaml.safe_load(Path(deployment).read_text())["spec"]["template"]["spec"]
    [container] = pod["containers"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "secrets"]
    for variable in container["env"]:
        value = variable["value"]
        for mount in mounts:
            value = value.replace(mount, secrets)
        print(f"{variable['name']}={shlex.quote(value)}")


def compose(file, dockerfile):
    service = yaml.safe_load(Path(file).read_text())["services"]["anteroom"]
    image = Path(dockerfile).read_text()
    exposed = re.search(r"^EXPOSE (\d+)$", image, re.MULTILINE)[1]
    volumes = re.search(r"^VOLUME (\[.*\])$", image, re.MULTILINE)[1]
    assert [port.rsplit(":", 1)[1] for port in service["ports"]] == [exposed], service["ports"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"]), "plain HTTP to the network"
    assert [volume.split(":")[1] for volume in service["volumes"]] == yaml.safe_load(volumes), service["volumes"]


def ports():
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        print(one.getsockname()[1], other.getsockname()[1])


if __name__ == "__main__":
    {"resources": resources, "environment": environment, "compose": compose, "ports": ports}[sys.argv[1]](*sys.argv[2:])
