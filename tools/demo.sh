#!/bin/sh
# `make demo`: makes the sample and sweeps over it with the tiny CLIP: eight trials, one feature pass, one winner; exports that, asks it
# about photos, and writes the page that compares the trials. No network.
set -eu
cd "$(dirname "$0")/.."
out=outputs/demo
export THAWLINE_STORE="$PWD/$out/store" PYTHONWARNINGS=ignore

rm -rf "$out"
mkdir -p "$out"
echo "== A sample collection of synthetic event photos"
thawline sample events "$out/sample"
echo
echo "== Eight trials: ProLIP's projection and a new head, four learning rates"
thawline train "$out/sample" -m encoder=tiny_clip method=projection,finetune thaw=projection \
    method.lr=3e-4,1e-3,3e-3,1e-2 refit=true "paths.outputs=$out"
echo
echo "== The winner as a model that other services load, and what it says of some photos"
sweep=$(echo "$out"/sweep/*)
thawline export "$sweep" "out=$out/model"
thawline predict "$out/model" "$out"/sample/wedding/*1.jpg | head -3
thawline compare "$sweep" "out=$out/compare.html" >/dev/null
echo
thawline store list
echo "Everything lies in $out: sample/, store/, model/, and the sweep in sweep/ with a directory for each trial."
echo "The trials side by side, with plots: $PWD/$out/compare.html"
