#!/bin/sh
# Make the secrets that compose.yaml mounts: deploy/make-secrets.sh FOLDER PUBLIC_URL
# What is there already is kept: with another key the records of a patient could not be found again.
set -eu

folder=$1
public_url=$2
umask 077
mkdir -p "$folder"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

[ -e "$folder/database-password" ] || random >"$folder/database-password"
if [ -e "$folder/settings.toml" ]; then
    echo "$folder/settings.toml is there already: kept" >&2
    exit 0
fi
cat >"$folder/settings.toml" <<TOML
public_url = "$public_url"
database_url = "postgresql://ldn:$(cat "$folder/database-password")@postgresql/ldn"
redis_url = "redis://redis:6379/0"
audit_key = "$(random)"
store_key = "$(random)"
TOML
# the service runs as another user than whoever made them; compose mounts files as they are
chmod 644 "$folder/settings.toml" "$folder/database-password"
chmod 711 "$folder"
