#!/bin/sh
# Boots a worker: process 1 of a new pid namespace, with mount, uts, ipc and network namespaces of its own.
#   boot.sh FOLDER PROGRAMS VOLUMES NAME ADDRESS CGROUP
set -eu
folder=$1 programs=$2 volumes=$3 name=$4 address=$5 cgroup=$6
root=$folder/root

for hierarchy in /sys/fs/cgroup/*/"$cgroup"; do
    echo 0 >"$hierarchy/cgroup.procs"
done

# A root that has what a worker needs, and none of this machine's mounts: those stay this machine's to unmount.
mount -t tmpfs -o mode=755 worker "$root"
cd "$root"
mkdir dev etc opt opt/worker opt/kubernetes opt/volumes proc run sys tmp usr var old
for link in bin sbin lib lib64; do
    [ ! -e "/$link" ] || ln -s "usr/$link" "$link"
done
mount --bind /usr usr
mount --bind /etc etc
mount -o remount,bind,ro etc
mount --bind "$folder/config/resolv.conf" etc/resolv.conf
mount --rbind /dev dev
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mount --bind "$folder/disk" var
mount --bind "$folder/config" opt/worker
mount --bind "$programs" opt/kubernetes
mount --bind "$volumes" opt/volumes
mkdir -p run/netns run/sysctl run/lock var/lib/kubelet var/log/pods var/log/containers

# The kubelet sets these, and they are this machine's: it gets files in their place.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1; do
    file=run/sysctl/$(basename "${setting%=*}")
    echo "${setting#*=}" >"$file"
    mount --bind "$file" "proc/sys/${setting%=*}"
done

pivot_root . old
cd /
umount -l /old
mount --make-rshared /
hostname "$name"
export PATH=/opt/kubernetes:/usr/sbin:/usr/bin:/sbin:/bin HOME=/var
# Without it a pod does not get the answers of a service whose pod runs on the same worker.
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables

# Start a program again whenever it ends, as systemd would.
keep() { # NAME COMMAND...
    log=/var/log/$1.log
    shift
    while :; do
        "$@" >>"$log" 2>&1 || echo "exited with $?" >>"$log"
        sleep 1
    done
}

keep containerd containerd --config /opt/worker/containerd.toml &
tries=300
until ctr --namespace k8s.io images import /opt/worker/pause.tar >/var/log/import.log 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 0.2
done
keep proxy kube-proxy --config /opt/worker/proxy.json &
keep kubelet kubelet --config /opt/worker/kubelet.json --kubeconfig /opt/worker/kubelet.conf \
    --root-dir /var/lib/kubelet --cert-dir /var/lib/kubelet/pki --hostname-override "$name" \
    --node-ip "$address" --container-runtime=remote \
    --container-runtime-endpoint unix:///run/containerd/containerd.sock &
while :; do wait; done
