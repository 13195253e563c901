# shellcheck shell=bash
# What the kernel has to offer: control groups, the emulator for the other
# architecture, bridges and address translation.

host_prepare() {
    cgroups_prepare
    emulator_prepare
}

mounted() { awk -v at="$1" '$5 == at {found = 1} END {exit !found}' /proc/self/mountinfo; }

# Either generation will do, as it is mounted. Only where nothing is mounted at
# all (a bare virtual machine or container) is one mounted here.
cgroups_prepare() {
    ! awk '$3 == "cgroup" || $3 == "cgroup2" {found = 1} END {exit !found}' /proc/self/mounts || return 0
    mkdir -p /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup ||
        die_unavailable "no control groups are mounted and mounting them is not allowed here"
}

# The interpreter is loaded at registration (flag F), so it works inside build
# containers and stays when the prefix goes. A registration that is there
# already is somebody's and is kept.
emulator_prepare() {
    local dir=/proc/sys/fs/binfmt_misc conf line fields interpreter
    if [[ ! -e $dir/register ]]; then
        mount -t binfmt_misc binfmt_misc "$dir" ||
            die_unavailable "binfmt_misc cannot be mounted, so linux/$FOREIGN cannot be built"
    fi
    [[ ! -e $dir/qemu-$FOREIGN_CPU ]] || return 0
    conf=$(find_unpacked "usr/lib/binfmt.d/qemu-$FOREIGN_CPU.conf") ||
        die_unavailable "the emulator package has no registration for $FOREIGN_CPU"
    interpreter=$(find_unpacked "usr/libexec/qemu-binfmt/$FOREIGN_CPU-binfmt-P") ||
        interpreter=$(find_unpacked "usr/bin/qemu-$FOREIGN_CPU-static") ||
        interpreter=$(find_unpacked "usr/bin/qemu-$FOREIGN_CPU") ||
        die_unavailable "the emulator package has no program for $FOREIGN_CPU"
    interpreter=$(readlink -f -- "$interpreter")
    # :name:type:offset:magic:mask:interpreter:flags
    read -r line < <(grep '^:' "$conf")
    IFS=: read -r -a fields <<<"$line"
    line=$(printf ':%s:%s:%s:%s:%s:%s:POF' "${fields[@]:1:5}" "$interpreter")
    say "registering the emulator for linux/$FOREIGN"
    printf '%s' "$line" >"$dir/register" ||
        [[ -e $dir/qemu-$FOREIGN_CPU ]] ||
        die_unavailable "the emulator for $FOREIGN_CPU cannot be registered"
    printf '%s\n' "$interpreter" >"$ENGINE_HOME/emulator"
}

# Packages of this release are in the prefix unless the system has them.
find_unpacked() {
    local root
    for root in "$PREFIX/host" ""; do
        [[ ! -e $root/$1 ]] || { printf '%s\n' "$root/$1"; return; }
    done
    return 1
}

# Takes back the registration only if it is the one made from this home.
host_release() {
    local entry=/proc/sys/fs/binfmt_misc/qemu-$FOREIGN_CPU
    [[ -f $ENGINE_HOME/emulator && -e $entry ]] || return 0
    grep -qxF -- "interpreter $(<"$ENGINE_HOME/emulator")" "$entry" || return 0
    echo -1 >"$entry"
    rm -f -- "$ENGINE_HOME/emulator"
}

host_ip() { PATH=$PRIVATE_PATH ip "$@"; }
host_iptables() { PATH=$PRIVATE_PATH iptables -w 10 "$@"; }

# The daemon is told to leave the packet filter alone, since two daemons (and a
# system engine) would share its chains and undo each other's. These three rules
# are all that builds need, and they name only this bridge.
bridge_rules() {
    printf '%s\n' \
        "nat POSTROUTING -s $2.0/24 ! -o $1 -j MASQUERADE" \
        "filter FORWARD -i $1 -j ACCEPT" \
        "filter FORWARD -o $1 -j ACCEPT"
}

# bridge_up NAME NETWORK (the first three numbers of the address)
bridge_up() {
    local table chain rule
    if [[ ! -e /sys/class/net/$1 ]]; then
        host_ip link add name "$1" type bridge ||
            die_unavailable "a network bridge cannot be made here"
    fi
    host_ip addr replace "$2.1/24" dev "$1"
    host_ip link set "$1" up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    while read -r table chain rule; do
        # shellcheck disable=SC2086
        host_iptables -t "$table" -C "$chain" $rule 2>/dev/null ||
            host_iptables -t "$table" -I "$chain" $rule ||
            die_unavailable "address translation cannot be set up here"
    done < <(bridge_rules "$@")
}

bridge_down() {
    local table chain rule
    while read -r table chain rule; do
        # shellcheck disable=SC2086
        while host_iptables -t "$table" -D "$chain" $rule 2>/dev/null; do :; done
    done < <(bridge_rules "$@")
    [[ ! -e /sys/class/net/$1 ]] || host_ip link delete "$1"
}

# network_taken NETWORK BRIDGE: whether any route overlaps this /24, but for the
# default one and the bridge's own. Addresses as integers.
network_taken() {
    local a b c rest want dest mask device bridge=$2
    IFS=. read -r a b c rest <<<"$1.0"
    want=$(((a << 24) + (b << 16) + (c << 8)))
    while read -r device dest _ _ _ _ _ mask rest; do
        [[ $device != Iface && $device != "$bridge" && $dest != 00000000 ]] || continue
        dest=$((16#${dest:6:2}${dest:4:2}${dest:2:2}${dest:0:2}))
        mask=$((16#${mask:6:2}${mask:4:2}${mask:2:2}${mask:0:2}))
        (((want & mask) != dest && (dest & 16#ffffff00) != want)) || return 0
    done </proc/net/route
    return 1
}
