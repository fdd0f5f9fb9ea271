#!/usr/bin/env bash
# Starts the stand-in for AlipayCN's gateway and calls it with the official SDK for Node. It needs Go, node and npm.
set -euo pipefail
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
(cd "$work" && npm ci --no-audit --no-fund --silent)

go build -o "$work/gateway" ../../examples/alipaycn-gateway
"$work/gateway" -listen 127.0.0.1:0 -credentials "$work/credentials" -auto-review 200ms 2>"$work/log" &
gateway=$!
address=
for _ in $(seq 300); do
  address=$(sed -n 's/^gateway on \(http:[^,]*\),.*/\1/p' "$work/log")
  [[ -n $address ]] && break
  kill -0 "$gateway" 2>/dev/null || break
  sleep 0.1
done
[[ -n $address ]] || { echo 'the gateway did not start:' >&2; cat "$work/log" >&2; exit 1; }
node "$work/interop.mjs" "$address" "$work/credentials"
