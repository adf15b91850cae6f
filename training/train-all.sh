#!/bin/sh
# Makes every demonstration model again: samples, training, cards. usage: training/train-all.sh [SCRATCH_FOLDER]
set -e
cd "$(dirname "$0")/.."
scratch=${1:-/tmp/ecomap-training}
python=${PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1

for family in vibration gauge inspect; do
  count=16000
  if [ "$family" = inspect ]; then count=30000; fi
  npx tsx training/export-samples.ts "$family" "$count" 1001 "$scratch/samples"
  npx tsx training/export-samples.ts "$family" 4000 1999 "$scratch/samples"
  nice -n 10 "$python" training/train.py "$family" "$scratch/samples" "$scratch/build"
done
npx tsx training/measure.ts "$scratch/build"
