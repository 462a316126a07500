"""``make audit``: known vulnerabilities of what is shipped. Exit 0: none; 1: some; 3: nobody could be asked.

pip-audit alone does not tell the last two apart (``--strict``), or takes the last for the first.
"""

from __future__ import annotations

import json
import subprocess
import sys

NONE, SOME, NOT_ASKED = 0, 1, 3
_COMMAND = (
    "-m", "pip_audit", "--requirement", "requirements.lock", "--require-hashes", "--disable-pip",
    "--format", "json", "--progress-spinner", "off",
)  # fmt: skip


def verdict(report: str) -> tuple[int, list[str]]:
    """The exit code for a report of pip-audit, and what to tell."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return NOT_ASKED, ["no report: the vulnerability database could not be reached"]
    found = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, mended in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in packages
        for vulnerability in package.get("vulns", [])
    ]
    unasked = [f"not checked: {package['skip_reason']}" for package in packages if "skip_reason" in package]
    if found:
        return SOME, found + unasked
    if unasked or not packages:
        return NOT_ASKED, unasked or ["the report names no package"]
    return NONE, [f"{len(packages)} packages, no known vulnerability"]


def main() -> int:
    """Run pip-audit over the locked packages, every one with its hashes."""
    done = subprocess.run([sys.executable, *_COMMAND], capture_output=True, text=True, check=False)
    code, lines = verdict(done.stdout)
    if not done.stdout:  # else it would say "no known vulnerabilities" of packages nobody was asked about
        lines += done.stderr.splitlines()[-1:]
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
