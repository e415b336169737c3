"""Packs a binary as a Lambda layer: pack.py ARCHITECTURE TRIPLE BINARY DIRECTORY

Writes DIRECTORY/otelcol-lambda-layer-ARCHITECTURE.zip, and beside it its bill of materials (CycloneDX 1.5, .cdx.json).
What goes in is all that what comes out depends on: no clock, no order of files, no path of this machine.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tomllib
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
LICENCE_FILES = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "license*", "copyright*")


def linked(triple):
    """The packages that are linked into the binary, by name and version."""
    metadata = json.loads(
        subprocess.check_output(
            ["cargo", "metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", triple],
            cwd=ROOT,
        )
    )
    packages = {package["id"]: package for package in metadata["packages"]}
    dependencies = {
        node["id"]: [
            dependency["pkg"]
            for dependency in node["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
        for node in metadata["resolve"]["nodes"]
    }

    def is_macro(id):
        return any("proc-macro" in target["kind"] for target in packages[id]["targets"])

    todo = [id for id, package in packages.items() if package["name"] == "collector" and package["source"] is None]
    found = set()
    while todo:
        id = todo.pop()
        if id not in found and not is_macro(id):
            found.add(id)
            todo += dependencies[id]
    return sorted((packages[id] for id in found), key=lambda package: (package["name"], package["version"]))


def notices(packages, triple):
    """Who else's work is in the binary, and under what terms."""
    by_text = {}
    for package in packages:
        folder = pathlib.Path(package["manifest_path"]).parent
        files = sorted({file for pattern in LICENCE_FILES for file in folder.glob(pattern) if file.is_file()})
        for file in files:
            text = "\n".join(line.rstrip() for line in file.read_text(errors="replace").strip().splitlines())
            by_text.setdefault(text, []).append(f"{package['name']} {package['version']}")
    lines = ["otelcol-lambda is built with the following packages.", ""]
    lines += [f"{package['name']} {package['version']}: {package['license']}" for package in packages]
    lines.append("The Rust standard library: MIT OR Apache-2.0")
    if triple.endswith("-musl"):
        lines.append("musl: MIT")
    else:
        lines.append("The GNU C Library, linked statically: LGPL-2.1-or-later; layer/build links anew with another")
    for text, names in sorted(by_text.items(), key=lambda entry: entry[1]):
        lines += ["", "=" * 80, ", ".join(names), "=" * 80, "", text]
    return "\n".join(lines) + "\n"


def bill_of_materials(packages, architecture):
    """The packages as CycloneDX: https://cyclonedx.org/docs/1.5/json/"""
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in locked}

    def component(package):
        name, version = package["name"], package["version"]
        checksum = checksums.get((name, version))
        return {
            "type": "library",
            "bom-ref": f"pkg:cargo/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:cargo/{name}@{version}",
            "licenses": [{"expression": package["license"].replace("/", " OR ")}],
            **({"hashes": [{"alg": "SHA-256", "content": checksum}]} if checksum else {}),
        }

    version = next(package["version"] for package in packages if package["name"] == "collector")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "otelcol-lambda",
                "name": f"otelcol-lambda-layer-{architecture}",
                "version": version,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": [component(package) for package in packages if package["source"]],
    }


def deflate(content):
    """Three percent smaller than zlib's best, and the same bytes whatever zlib Python has here."""
    command = ["cargo", "run", "--release", "--locked", "--quiet", "--package", "deflate"]
    return subprocess.run(command, cwd=ROOT, check=True, input=content, stdout=subprocess.PIPE).stdout


def zipped(files):
    """A zip of (name, mode, content): https://pkware.cachefly.net/webdocs/APPNOTE/APPNOTE-6.3.10.TXT, section 4.3"""
    archive, directory = b"", b""
    for name, mode, content in files:
        compressed = deflate(content)
        # Version 2.0, no flags, deflated; 1980-01-01 00:00:00.
        entry = struct.pack(
            "<HHHHHIIIHH", 20, 0, 8, 0, 0x21, zlib.crc32(content), len(compressed), len(content), len(name), 0
        )
        # Made on Unix, whatever this is: else the mode means nothing.
        attributes = struct.pack("<HHHII", 0, 0, 0, (0o100000 | mode) << 16, len(archive))
        directory += b"PK\1\2" + struct.pack("<H", 3 << 8 | 20) + entry + attributes + name.encode()
        archive += b"PK\3\4" + entry + name.encode() + compressed
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(archive), 0)
    return archive + directory + b"PK\5\6" + end


def main(architecture, triple, binary, directory):
    packages = linked(triple)
    theirs = [package for package in packages if package["source"]]
    files = [
        ("extensions/otelcol-lambda", 0o755, pathlib.Path(binary).read_bytes()),
        ("otelcol-lambda/LICENSE", 0o644, (ROOT / "LICENSE").read_bytes()),
        ("otelcol-lambda/NOTICES", 0o644, notices(theirs, triple).encode()),
        ("otelcol-lambda/config.example.yaml", 0o644, (ROOT / "layer/config.example.yaml").read_bytes()),
    ]
    path = pathlib.Path(directory) / f"otelcol-lambda-layer-{architecture}.zip"
    path.write_bytes(zipped(files))
    bill = json.dumps(bill_of_materials(packages, architecture), indent=1) + "\n"
    path.with_suffix(".cdx.json").write_text(bill)
    unpacked = sum(len(content) for _, _, content in files)
    print(f"{path}: {path.stat().st_size:,} bytes, {unpacked:,} unpacked ({triple})")


main(*sys.argv[1:])
