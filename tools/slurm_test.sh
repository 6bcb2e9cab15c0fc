#!/bin/sh
# Run the tests that need Slurm on a Slurm of their own: one node, this machine, loopback:
#   sh tools/slurm_test.sh VENV       as root, with slurm-wlm and munge installed
# Everything lies in a temporary folder; what was started here is ended here, by its pid.
set -eu

venv=$1
for command in slurmctld slurmd munged sinfo; do
    if ! command -v "$command" >/dev/null; then
        echo "no $command: apt-get install slurm-wlm munge"
        exit 3
    fi
done
if [ "$(id -u)" != 0 ]; then
    echo "a Slurm of its own needs root"
    exit 3
fi

folder=$(mktemp -d)
chmod 755 "$folder"
host=$(hostname -s)
export SLURM_CONF=$folder/slurm.conf

end() {
    for name in slurmd slurmctld munged; do
        if [ -s "$folder/$name.pid" ]; then
            kill "$(cat "$folder/$name.pid")" 2>/dev/null || true
        fi
    done
    sleep 1
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM

mkdir "$folder/state" "$folder/spool" "$folder/munge"
head -c 1024 /dev/urandom >"$folder/munge/key"
chmod 400 "$folder/munge/key"
chown -R munge: "$folder/munge"
chmod 711 "$folder/munge"
touch "$folder/munged.pid"
chown munge: "$folder/munged.pid"
socket=$folder/munge/socket
su -s /bin/sh munge -c "$(command -v munged) --key-file=$folder/munge/key --socket=$socket \
  --pid-file=$folder/munge/pid --log-file=$folder/munge/log --seed-file=$folder/munge/seed"
cp "$folder/munge/pid" "$folder/munged.pid"

cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=60 State=UP
END
slurmctld
slurmd
tries=0
until sinfo --noheader --format=%T 2>/dev/null | grep -q '^idle'; do
    tries=$((tries + 1))
    if [ "$tries" -gt 30 ]; then
        echo "Slurm does not start"
        tail -n 5 "$folder"/*.log
        exit 1
    fi
    sleep 1
done
"$venv/bin/python" -m pytest -q tests/runner/test_clusters.py -k slurm
