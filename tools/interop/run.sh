#!/usr/bin/env bash
# Releases a mini program through a platform, before a gateway that signs and verifies with the official SDK for Node. It
# needs Go, node and npm; the SDK is that of alipaycn/interop.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp ../../alipaycn/interop/package.json ../../alipaycn/interop/package-lock.json gateway.mjs "$work"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --silent)
go run . "$work"
