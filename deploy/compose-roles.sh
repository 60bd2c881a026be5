#!/bin/sh
# Runs once, when compose.yaml's database is made: roles.sql with the passwords from the secrets.
set -eu
CLUSTERLEDGER_OWNER_PASSWORD=$(cat /run/secrets/owner_password)
CLUSTERLEDGER_SERVICE_PASSWORD=$(cat /run/secrets/service_password)
export CLUSTERLEDGER_OWNER_PASSWORD CLUSTERLEDGER_SERVICE_PASSWORD
exec psql --no-psqlrc --quiet --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
    --file=/usr/share/clusterledger/roles.sql
