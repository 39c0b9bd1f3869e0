#!/usr/bin/env bash
# Start a SLURM cluster of one node in its own folder: tests/slurm/up.sh FOLDER
# Needs slurm-wlm and munge (Debian), no systemd, no network and no GPU: two character devices stand in for GPUs.
# It writes only into FOLDER, except for a link to its slurm.conf: Snakemake's executor removes SLURM_CONF from the
# environment of its jobs, so they read /etc/slurm/slurm.conf. Run it again to start those daemons that are down.
set -euo pipefail
mkdir -p "$1" && cd "$1" && here=$PWD
export PATH=$PATH:/usr/sbin SLURM_CONF=$here/slurm.conf
link=/etc/slurm/slurm.conf
[[ ! -e $link || $(readlink $link) == "$here/slurm.conf" ]] || { echo "$link belongs to another cluster" >&2; exit 1; }
host=$(hostname -s) user=$(id -un)
mkdir -p state spool
chmod 711 . # munged requires it: everybody may reach its socket, nobody else may change its key

cat > slurm.conf <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
AuthInfo=socket=$here/munge.socket
MpiDefault=none
ProctrackType=proctrack/linuxproc # control groups would need systemd
TaskPlugin=task/none
ReturnToService=2 # a node that comes back takes jobs again
SlurmctldPidFile=$here/slurmctld.pid
SlurmdPidFile=$here/slurmd.pid
StateSaveLocation=$here/state
SlurmdSpoolDir=$here/spool
SlurmctldLogFile=$here/slurmctld.log
SlurmdLogFile=$here/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=300 # squeue lists finished jobs for so long; without slurmdbd nothing else does
KillWait=10
GresTypes=gpu
SlurmdParameters=config_overrides # jobs ask for more memory than a small machine has, but do not use it
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
printf 'NodeName=%s Name=gpu File=/dev/%s\n' "$host" zero "$host" null > gres.conf
ln -sfn "$here/slurm.conf" $link

# Returns whether the process with the number in FOLDER/NAME.pid runs.
runs() { [[ -s $1.pid ]] && kill -0 "$(cat "$1.pid")" 2>/dev/null; }

if ! runs munged; then
  [[ -e munge.key ]] || (umask 077 && head -c 1024 /dev/urandom > munge.key)
  munged --socket="$here/munge.socket" --key-file="$here/munge.key" --pid-file="$here/munged.pid" \
    --log-file="$here/munged.log" --seed-file="$here/munge.seed"
fi
runs slurmctld || slurmctld
runs slurmd || slurmd
for _ in $(seq 60); do
  [[ $(sinfo -h -o %T 2>/dev/null) =~ ^(idle|mixed|allocated)$ ]] && exit
  sleep 0.5
done
echo "the node did not come up: see $here/slurmctld.log and slurmd.log" >&2
exit 1
