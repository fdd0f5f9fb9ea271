#!/usr/bin/env bash
# Generates a client from api/openapi.yaml, with which a mini program is released through a platform that is served, and lints
# the document. It needs Go, and node and npm for the linters; without them it lints nothing, and says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
document=$PWD/../../api/openapi.yaml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The client is in the package without being in its folder.
GOWORK=off go tool -modfile="$PWD/../pinned/go.mod" oapi-codegen -config oapi-codegen.yaml -o "$work/client.gen.go" "$document"
printf '{"Replace": {"%s/client.gen.go": "%s/client.gen.go"}}\n' "$PWD" "$work" >"$work/overlay.json"
GOWORK=off go test -count=1 -tags generated -overlay "$work/overlay.json" .

for command in node npm; do
  command -v "$command" >/dev/null || { echo "NOTE: not linted, there is no $command here"; exit 0; }
done
cp package.json package-lock.json redocly.yaml spectral.yaml "$work"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund --silent
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
npx --no-install redocly lint --config redocly.yaml "$document"
npx --no-install spectral lint --ruleset spectral.yaml --fail-severity hint "$document"
