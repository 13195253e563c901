# shellcheck shell=bash
# debian:bookworm-slim for both architectures, made from Debian's archive and
# put into the local registry when it cannot be pulled.

BASE_SUITE=bookworm
BASE_NAME=library/debian:$BASE_SUITE-slim
# Raise when what is in the image changes.
BASE_FORMAT=1

base_link() { printf '%s\n' "$REGISTRY/data/docker/registry/v2/repositories/${BASE_NAME%:*}/_manifests/tags/${BASE_NAME#*:}/current/link"; }

base_ready() { [[ -s $(base_link) && -f $REGISTRY/base && $(<"$REGISTRY/base") == "$BASE_FORMAT" ]] || [[ -f $REGISTRY/base-pullable ]]; }

base_ensure() {
    ! base_ready || return 0
    if base_pullable "$1"; then
        say "debian:$BASE_SUITE-slim can be pulled"
        : >"$REGISTRY/base-pullable"
        return
    fi
    local arch pids=() pid failed=no
    for arch in "$NATIVE" "$FOREIGN"; do
        base_rootfs "$arch" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || failed=yes
    done
    [[ $failed == no ]] || die_unavailable "debian:$BASE_SUITE-slim can neither be pulled nor made"
    base_push "$1"
    printf '%s\n' "$BASE_FORMAT" >"$REGISTRY/base"
}

# The client asks the upstream registry itself and knows nothing of the mirror.
base_pullable() {
    BUILDX_CONFIG=$(instance_dir "$1")/buildx docker_at "$1" 20 \
        buildx imagetools inspect "debian:$BASE_SUITE-slim" >/dev/null 2>&1
}

# The settings of the machine's apt without which its archive cannot be used: a
# frozen mirror has lists that look expired.
base_apt_settings() {
    apt-config dump --format '%f "%v";%n' Acquire::Check-Valid-Until Acquire::Check-Date \
        Acquire::http::Proxy Acquire::https::Proxy | grep -vE '"";$|//(localhost|127\.|\[::1)' || true
}

base_tar() { printf '%s\n' "$ENGINE_HOME/base/rootfs-$BASE_FORMAT-$1.tar"; }

base_rootfs() {
    local root=$ENGINE_HOME/base/$1 log=$ENGINE_HOME/base/$1.log tar mirror
    tar=$(base_tar "$1")
    [[ ! -s $tar ]] || return 0
    mirror=$(<"$ENGINE_HOME/downloads/mirror")
    say "making debian:$BASE_SUITE-slim for linux/$1 (some minutes, once)"
    base_unmount "$root"
    rm -rf -- "$root"
    mkdir -p -- "$root" "$ENGINE_HOME/downloads/debootstrap-$1"
    if ! PATH=$PRIVATE_PATH nice debootstrap --arch="$1" --variant=minbase --cache-dir="$ENGINE_HOME/downloads/debootstrap-$1" \
        "$BASE_SUITE" "$root" "$mirror" </dev/null >"$log" 2>&1; then
        base_unmount "$root"
        say "the last lines of $log:"
        tail -n 15 -- "$log" >&2
        return 1
    fi
    base_unmount "$root"
    base_configure "$root" "$mirror"
    base_slim "$root"
    tar -C "$root" --numeric-owner --sort=name --mtime=@0 --clamp-mtime --xattrs -cf "$tar.new" .
    mv -- "$tar.new" "$tar"
    rm -rf -- "$root"
}

base_unmount() {
    local mountpoint
    while read -r mountpoint; do
        umount -l -- "$mountpoint" || true
    done < <(awk -v a="$1/" 'index($5, a) == 1 {print $5}' /proc/self/mountinfo | sort -r)
}

base_configure() {
    local root=$1 mirror=$2 security crt
    security=$(<"$ENGINE_HOME/downloads/mirror-security")
    rm -f -- "$root/etc/apt/sources.list"
    base_apt_settings >"$root/etc/apt/apt.conf.d/machine"
    {
        printf 'Types: deb\nURIs: %s\nSuites: %s %s-updates\nComponents: main\nSigned-By: %s\n' \
            "$mirror" "$BASE_SUITE" "$BASE_SUITE" /usr/share/keyrings/debian-archive-keyring.gpg
        [[ -z $security ]] ||
            printf '\nTypes: deb\nURIs: %s\nSuites: %s-security\nComponents: main\nSigned-By: %s\n' \
                "$security" "$BASE_SUITE" /usr/share/keyrings/debian-archive-keyring.gpg
    } >"$root/etc/apt/sources.list.d/debian.sources"
    # Authorities that this machine trusts beyond the usual ones, for networks
    # that need them: installing ca-certificates in a build takes them in.
    mkdir -p -- "$root/usr/local/share/ca-certificates"
    for crt in /usr/local/share/ca-certificates/*.crt; do
        [[ ! -f $crt ]] || cp -- "$crt" "$root/usr/local/share/ca-certificates/"
    done
    # As in the published image: no services, no translations, no package cache.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
    cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<'CONF'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/linda/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
CONF
    cat >"$root/etc/apt/apt.conf.d/docker" <<'CONF'
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Apt::AutoRemove::SuggestsImportant "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONF
}

base_slim() {
    local root=$1
    find "$root/usr/share/doc" ! -type d ! -name copyright -delete
    find "$root/usr/share/doc" -depth -type d -empty -delete
    rm -rf -- "$root"/usr/share/{groff,info,linda,lintian,locale,man}/*
    rm -rf -- "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/*.bin \
        "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/var/cache/ldconfig/aux-cache \
        "$root"/debootstrap "$root"/tmp/* "$root"/etc/resolv.conf "$root"/etc/hostname
    find "$root/var/log" -type f -delete
    rm -rf -- "${root:?}"/dev/* "${root:?}"/proc/* "${root:?}"/sys/* "${root:?}"/run/*
    mkdir -p -- "$root/run/lock" "$root/var/lib/apt/lists/partial"
    chmod 1777 "$root/run/lock"
    : >"$root/etc/machine-id"
}

base_push() {
    local context=$ENGINE_HOME/base/context arch
    rm -rf -- "$context"
    mkdir -p -- "$context"
    for arch in amd64 arm64; do
        ln -- "$(base_tar "$arch")" "$context/rootfs-$arch.tar"
    done
    # shellcheck disable=SC2016
    printf '%s\n' 'FROM scratch' 'ARG TARGETARCH' 'ADD rootfs-$TARGETARCH.tar /' 'CMD ["bash"]' >"$context/Dockerfile"
    say "putting debian:$BASE_SUITE-slim into the local registry"
    BUILDX_CONFIG=$(instance_dir "$1")/buildx SOURCE_DATE_EPOCH=0 docker_at "$1" 600 buildx build --quiet \
        --platform linux/amd64,linux/arm64 --provenance=false \
        --output "type=image,name=127.0.0.1:$(registry_port)/$BASE_NAME,push=true,store=false,unpack=false,oci-mediatypes=true,rewrite-timestamp=true" \
        "$context" >/dev/null || die_unavailable "the base image cannot be put into the local registry"
    rm -rf -- "$context"
}
