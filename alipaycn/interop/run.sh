#!/usr/bin/env bash
# Calls the stand-in for AlipayCN's gateway with the official SDK for Node: one that it starts itself, or
# `run.sh ENDPOINT CREDENTIALS` one that is running. It needs node and npm, and Go for the former.
set -euo pipefail
endpoint=${1:-}
credentials=${2:+$(cd "$2" && pwd)}
cd "$(dirname "${BASH_SOURCE[0]}")"

work=$(mktemp -d)
gateway=
finish() {
  if [[ -n $gateway ]]; then
    kill -TERM "$gateway" 2>/dev/null || true
    wait "$gateway" || true
  fi
  rm -rf "$work"
}
trap finish EXIT

# Apart from the repository, so that nothing is left in it.
cp package.json package-lock.json interop.mjs "$work"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --silent)

if [[ -z $endpoint ]]; then
  credentials=$work/credentials
  : >"$work/log" # it is read before the gateway writes to it
  go build -o "$work/gateway" ../../examples/alipaycn-gateway
  "$work/gateway" -listen 127.0.0.1:0 -credentials "$credentials" -auto-review 500ms 2>"$work/log" &
  gateway=$!
  for _ in $(seq 300); do
    endpoint=$(sed -n 's/^gateway on \(http:[^,]*\),.*/\1/p' "$work/log")
    [[ -n $endpoint ]] && break
    kill -0 "$gateway" 2>/dev/null || break
    sleep 0.1
  done
  [[ -n $endpoint ]] || { echo 'the gateway did not start:' >&2; cat "$work/log" >&2; exit 1; }
fi
node "$work/interop.mjs" "$endpoint" "$credentials"
