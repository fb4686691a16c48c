#!/bin/sh
# Runs the files that the store has not had yet, each of them whole, with its line in the table `applied`.
set -e
ask() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
ask -c "CREATE TABLE IF NOT EXISTS applied (file text PRIMARY KEY)"
for file in sql/*.sql; do
    [ -n "$(ask -c "SELECT 1 FROM applied WHERE file = '$file'")" ] || ask -1 -f "$file" -c "INSERT INTO applied VALUES ('$file')"
done
