#!/usr/bin/env bash
# End the cluster that tests/slurm/up.sh FOLDER started, by its pid files.
set -euo pipefail
cd "$1"
for name in slurmd slurmctld munged; do
  [[ -s $name.pid ]] || continue
  process=$(cat $name.pid)
  [[ $(cat "/proc/$process/comm" 2>/dev/null) == "$name" ]] || continue # the number may belong to another process by now
  kill "$process"
  for _ in $(seq 100); do
    kill -0 "$process" 2>/dev/null || break
    sleep 0.1
  done
done
link=/etc/slurm/slurm.conf
[[ $(readlink $link) != "$PWD/slurm.conf" ]] || rm $link
