#!/bin/sh
# The daemons' programs where a machine's plan looks for them: /opt/hashistack/bin/<name>-<version>, its SHA-256 beside
# it, and a link in /usr/local/bin. Each is what was meant to be sent, or nothing becomes an image.
set -eu
: "${GIVEN:?the folder of what was uploaded}"
folder=/opt/hashistack/bin
umask 022
mkdir -p "$folder" /usr/local/bin
while read -r sum name version; do
  file=$folder/$name-$version
  if ! printf '%s  %s\n' "$sum" "$GIVEN/programs/$name" | sha256sum --check --strict --status; then
    echo "programs.sh: $name $version arrived with another SHA-256 than it was sent with" >&2
    exit 1
  fi
  install -o root -g root -m 755 "$GIVEN/programs/$name" "$file"
  # The sum goes last: a program without one counts as absent.
  printf '%s\n' "$sum" >"$file.sha256"
  ln -sfn "$file" "/usr/local/bin/$name"
  rm -f "$GIVEN/programs/$name"
done <"$GIVEN/given/programs"
