#!/bin/sh
# `make demo`: makes the sample and sweeps over it with the tiny CLIP: four trials over five folds, one feature pass, one winner; exports
# that, asks it about photos, and writes the page that compares the trials. No network.
# Over folds every photo is judged, so that the comparison with zero-shot is decided; fifteen epochs are enough for a projection.
set -eu
cd "$(dirname "$0")/.."
out=outputs/demo
export THAWLINE_STORE="$PWD/$out/store" PYTHONWARNINGS=ignore

rm -rf "$out"
mkdir -p "$out"
echo "== A sample collection of synthetic event photos"
thawline sample events "$out/sample"
echo
echo "== Four trials: ProLIP's projection at four learning rates, each over five folds"
thawline train "$out/sample" -m encoder=tiny_clip cv=5 method=projection method.epochs=15 \
    method.lr=3e-4,1e-3,3e-3,1e-2 refit=true "paths.outputs=$out"
echo
echo "== The winner as a model that other services load, and what it says of some photos"
sweep=$(echo "$out"/sweep/*)
thawline export "$sweep" "out=$out/model"
thawline predict "$out/model" "$out"/sample/wedding/*1.jpg "out=$out/said.jsonl"
thawline compare "$sweep" "out=$out/compare.html" >/dev/null
echo
thawline store list
echo "Everything lies in $out: sample/, store/, model/, said.jsonl, and the sweep in"
echo "sweep/ with a directory for each trial."
echo "The trials side by side, with plots:"
echo "$PWD/$out/compare.html"
