"""Starts a HAPI FHIR JPA server in memory on 127.0.0.1, one per FHIR version.

``HAPI_JAR`` names a jar to run instead of our own small server: that of
hapi-fhir-cli (``run-server``), or a runnable hapi-fhir-jpaserver-starter.
Otherwise ``java/`` is built with Maven, which fetches HAPI from Maven Central
the first time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.servers import free_port

PROJECT = Path(__file__).parent / "java"
BUILT = Path(__file__).parents[2] / "build" / "hapi"
JAVA_NAMES = {"R4": "R4", "R5": "R5", "STU3": "DSTU3"}
"""The FHIR versions that start, as the scenarios and as HAPI name them."""
BUILD_SECONDS = 900
START_SECONDS = 600
"""Half a minute on an idle machine, minutes on one with other work."""


class HapiFailed(RuntimeError):
    """HAPI could not be built or started; the message says what to do."""


@contextmanager
def hapi_server(version: str, folder: Path) -> Iterator[str]:
    """The base URL of a running server of ``version``; its output goes to ``folder``."""
    port = free_port()
    log = folder / f"hapi-{version}.log"
    with log.open("w") as output:
        process = subprocess.Popen(_command(version, port), stdout=output, stderr=output, cwd=folder)
    try:
        base = f"http://127.0.0.1:{port}/fhir"
        _wait_for(f"{base}/metadata", process, log)
        yield base
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _command(version: str, port: int) -> list[str]:
    # starting is most of what it does: the quick compiler, and no threads for collecting
    java, name = [_program("java"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"], JAVA_NAMES[version]
    if jar := os.environ.get("HAPI_JAR"):
        return [*java, "-jar", *_jar_arguments(Path(jar).resolve(), name, port)]
    build()
    return [*java, "-cp", f"{BUILT}/classes{os.pathsep}{BUILT}/lib/*", "HapiServer", name, str(port)]


def _jar_arguments(jar: Path, name: str, port: int) -> list[str]:
    if not jar.is_file():
        raise HapiFailed(f"HAPI_JAR={jar}: no such file")
    with zipfile.ZipFile(jar) as archive:
        is_starter = any(entry.startswith(("BOOT-INF/", "WEB-INF/")) for entry in archive.namelist())
    if is_starter:
        options = ["--server.address=127.0.0.1", f"--server.port={port}", f"--hapi.fhir.fhir_version={name}"]
        memory = "--spring.datasource.url=jdbc:h2:mem:hapi"
        return [str(jar), *options, memory, "--hapi.fhir.allow_external_references=true"]
    return [str(jar), "run-server", "-v", name.lower(), "-p", str(port), "--allow-external-refs"]


def build() -> None:
    """Compile ``java/`` and copy the libraries beside it; quick when that was done before."""
    command = [_program("mvn"), "-B", "-q", "-f", str(PROJECT / "pom.xml"), "process-classes"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise HapiFailed(f"Maven was not done after {BUILD_SECONDS} s; set HAPI_JAR to a HAPI jar") from None
    if done.returncode:
        output = done.stdout[-2000:]
        raise HapiFailed(f"Maven could not build {PROJECT}; set HAPI_JAR to a HAPI jar\n{output}")


def _program(name: str) -> str:
    if (found := shutil.which(name)) is None:
        raise HapiFailed(f"make test-hapi needs {name} (Java 17 and Maven 3.8 or newer)")
    return found


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise HapiFailed(f"HAPI ended while starting; the end of {log}:\n{log.read_text()[-3000:]}")
        try:
            if requests.get(url, timeout=10).ok:
                return
        except requests.RequestException:
            time.sleep(0.5)
    raise HapiFailed(f"HAPI was not up after {START_SECONDS} s; see {log}")
