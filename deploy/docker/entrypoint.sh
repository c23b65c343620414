#!/bin/sh
# Reads in what this container alone is given, then becomes its program. What the container was started with wins.
set -eu
if [ -e /run/coffer/environment ]; then
    given=$(export -p)
    . /run/coffer/environment
    eval "$given"
fi
case "$COFFER_IMAGE" in
    gateway | local) package=coffer_local ;;
    *) package=coffer_$(printf %s "$COFFER_IMAGE" | tr - _) ;;
esac
exec python -m "$package" "$@"
