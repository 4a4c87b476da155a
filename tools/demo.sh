#!/bin/sh
# `make demo`: makes the sample, trains and judges three methods on it with the tiny CLIP, compares them. No network.
set -eu
cd "$(dirname "$0")/.."
out=outputs/demo
export THAWLINE_STORE="$PWD/$out/store" PYTHONWARNINGS=ignore

rm -rf "$out"
mkdir -p "$out"
echo "== A sample collection of synthetic event photos"
thawline sample events "$out/sample"
for method in zero_shot projection logistic; do
    echo
    echo "== method=$method, 5-fold cross-validation"
    thawline train "$out/sample" encoder=tiny_clip method=$method cv=5 "paths.outputs=$out"
done
echo
echo "== The comparison"
thawline compare "$out"/train/*
thawline store list
echo "Everything lies in $out: sample/, store/, and a run directory for each method in train/."
