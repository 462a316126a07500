#!/bin/sh
# Prove the promise of the README: after `pip install .`, and nothing else, `app:app` serves.
# $1 is a Python whose environment holds the locked build backend. Nothing is left behind.
set -eu

python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

say() { printf 'package: %s\n' "$*"; }

# Build from a copy: setuptools would take files deleted long ago from a build/ directory of the checkout.
mkdir "$work/source"
cp -R cds_service fhir_fixtures app.py pyproject.toml LICENSE NOTICE "$work/source/"
"$python" -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation \
    --wheel-dir "$work" "$work/source"

"$python" -m venv "$work/venv"
fresh=$work/venv/bin/python
"$fresh" -m pip --disable-pip-version-check install --quiet --no-compile --require-hashes -r requirements.lock
"$fresh" -m pip --disable-pip-version-check install --quiet --no-compile --no-deps "$work"/*.whl
"$fresh" -m pip --disable-pip-version-check check
say "installed $(cd "$work" && ls ./*.whl)"

missing=$(
    find cds_service fhir_fixtures -type f ! -name '*.pyc' | sort >"$work/wanted"
    "$fresh" -m zipfile -l "$work"/*.whl | awk '/^(cds_service|fhir_fixtures)\// {print $1}' | sort >"$work/packed"
    comm -23 "$work/wanted" "$work/packed"
)
if [ -n "$missing" ]; then
    say "in cds_service/ or fhir_fixtures/ but not in the wheel:" "$missing" >&2
    exit 1
fi

mkdir "$work/elsewhere"
cd "$work/elsewhere"
CDS_ENVIRONMENT=development DATABASE_URL="sqlite:///$work/elsewhere/ldn-cds.sqlite3" "$fresh" - <<'PYTHON'
from app import app

client = app.test_client()
for path in ("/health/live", "/?scenario=oxycodone-active", "/cds-services"):
    answer = client.get(path)
    print(f"package: GET {path} {answer.status_code}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
assert {service["hook"] for service in answer.get_json()["services"]} >= {"order-select", "order-sign"}
PYTHON
CDS_ENVIRONMENT=development "$work/venv/bin/gunicorn" --check-config app:app
say "gunicorn app:app loads"
"$work/venv/bin/ldn-cds" serve --help >/dev/null
say "ldn-cds serve loads"
