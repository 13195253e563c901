# shellcheck shell=bash
# Programs: Debian packages, downloaded by apt and unpacked into a prefix.
#
# The engine comes from Debian testing, since a stable release may have no
# buildx; it needs nothing newer than a stable libc. What has to fit this
# kernel and libc (runc, iptables, the emulator, debootstrap) comes from the
# release that runs here. Nothing is installed, and the system's own package
# lists are neither used nor changed, for they may never have been fetched.

ENGINE_PACKAGES=(docker.io docker-cli docker-buildx containerd docker-registry tini-static)
HOST_PACKAGES=(runc iptables iproute2 qemu-user-static debootstrap)
# Raise when the layout of the prefix changes.
PREFIX_FORMAT=1

os_release() {
    # shellcheck source=/dev/null
    (. /etc/os-release && printf '%s' "${!1:-}")
}

packages_stamp() { printf '%s %s %s\n' "$PREFIX_FORMAT" "$NATIVE" "$(os_release VERSION_CODENAME)"; }

packages_ready() { [[ -f $PREFIX/.complete && $(<"$PREFIX/.complete") == "$(packages_stamp)" ]]; }

packages_ensure() {
    packages_ready && return
    if [[ $(os_release ID) != debian ]] || ! type apt-get dpkg-deb &>/dev/null; then
        die_unavailable "no usable engine here, and this is not Debian, so a private one cannot be brought"
    fi
    download host
    download testing
    unpack
}

# apt_at WHICH ARGS...: apt-get with a state of its own. Hooks of the system's
# configuration are for its own cache and are left out.
apt_at() {
    local which=$1 dir=$ENGINE_HOME/downloads/$1
    shift
    mkdir -p -- "$dir/lists/partial" "$dir/cache/archives/partial"
    write "$dir/apt.conf" <<CONF || true
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::DEP-11-icons-large;
Dir::State::Lists "$dir/lists";
Dir::Cache "$dir/cache";
Dir::Cache::archives "archives";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "true";
Debug::NoLocking "true";
CONF
    local options=(-qq -y -c "$dir/apt.conf")
    if [[ $which == testing ]]; then
        options+=(-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null)
    fi
    DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" "$@" </dev/null >&2
}

# Sites of Debian's own archive as this machine is set up to reach them:
# "SITE RELEASE" per line.
debian_sites() {
    # shellcheck disable=SC2016
    apt-get -c "$ENGINE_HOME/downloads/host/apt.conf" indextargets \
        --format '$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' </dev/null |
        awk '$3 == "main" && $4 == "Debian" && !seen[$1, $2]++ {print $1, $2}'
}

# A site may name a file with a list of mirrors; its first one will do.
plain_site() {
    case $1 in
        mirror+file:* | mirror:file:*) awk '$1 ~ /^http/ {print $1; exit}' "/${1#*:/}" ;;
        *) printf '%s\n' "$1" ;;
    esac
}

debian_mirror() {
    local site release codename
    codename=$(os_release VERSION_CODENAME)
    while read -r site release; do
        if [[ $release == "$codename" || $release == stable || $release == testing || $release == sid ]]; then
            site=$(plain_site "$site")
            printf '%s\n' "${site%/}"
            return
        fi
    done < <(debian_sites)
    return 1
}

security_mirror() {
    local site release
    while read -r site release; do
        if [[ $release == *-security ]]; then
            site=$(plain_site "$site")
            printf '%s\n' "${site%/}"
            return
        fi
    done < <(debian_sites)
    return 1
}

debian_keyring() {
    local file
    for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        [[ ! -f $file ]] || { printf '%s\n' "$file"; return; }
    done
    return 1
}

download() {
    local dir=$ENGINE_HOME/downloads/$1 mirror keyring
    [[ ! -f $dir/.complete || $(<"$dir/.complete") != "$(packages_stamp)" ]] || return 0
    # A download that was cut short days ago may be of another version.
    rm -rf -- "$dir/cache/archives" "$dir/.complete"
    case $1 in
        host)
            say "reading the package lists of this release"
            # Other archives of the machine may be out of reach; only Debian's matters.
            apt_at host update || true
            debian_mirror >"$ENGINE_HOME/downloads/mirror" ||
                die_unavailable "no Debian archive is configured or it cannot be reached"
            security_mirror >"$ENGINE_HOME/downloads/mirror-security" || true
            say "downloading ${HOST_PACKAGES[*]} and what they need here"
            # Brings the missing dependencies too. A machine whose packages are in
            # disorder refuses that; the named packages alone then often suffice.
            apt_at host install --download-only "${HOST_PACKAGES[@]}" ||
                (cd "$dir/cache/archives" && apt_at host download "${HOST_PACKAGES[@]}") ||
                die_unavailable "downloading from the Debian archive failed"
            ;;
        testing)
            mirror=$(<"$ENGINE_HOME/downloads/mirror")
            keyring=$(debian_keyring) || keyring=
            mkdir -p -- "$dir/cache/archives"
            printf 'deb %s%s testing main\n' "${keyring:+[signed-by=$keyring] }" "$mirror" >"$dir/sources.list"
            say "reading the package lists of Debian testing"
            apt_at testing update || die_unavailable "the package lists of Debian testing cannot be had"
            say "downloading ${ENGINE_PACKAGES[*]}"
            (cd "$dir/cache/archives" && apt_at testing download "${ENGINE_PACKAGES[@]}") ||
                die_unavailable "downloading from the Debian archive failed"
            ;;
    esac
    packages_stamp >"$dir/.complete"
}

unpack() {
    local new=$PREFIX.new deb
    say "unpacking the engine"
    rm -rf -- "$new"
    mkdir -p -- "$new/testing" "$new/host" "$new/bin" "$new/client/cli-plugins"
    for deb in "$ENGINE_HOME"/downloads/testing/cache/archives/*.deb; do
        dpkg-deb -x "$deb" "$new/testing"
    done
    for deb in "$ENGINE_HOME"/downloads/host/cache/archives/*.deb; do
        [[ ! -f $deb ]] || dpkg-deb -x "$deb" "$new/host"
    done
    arrange "$new"
    packages_stamp >"$new/.complete"
    rm -rf -- "$PREFIX"
    mv -- "$new" "$PREFIX"
    check_programs
}

# One folder with every program of the daemons, and one with only what a client
# is to see.
arrange() {
    local new=$1 name path
    for path in "$new"/testing/usr/{s,}bin/*; do
        ln -sf -- "../${path#"$new/"}" "$new/bin/${path##*/}"
    done
    ln -sf -- tini-static "$new/bin/docker-init"
    ln -s -- ../testing/usr/bin/docker "$new/client/docker"
    ln -s -- ../../testing/usr/libexec/docker/cli-plugins/docker-buildx "$new/client/cli-plugins/docker-buildx"
    # Programs the system has are used as they are. The others need the
    # libraries unpacked beside them.
    for name in runc iptables ip debootstrap wget; do
        ! PATH=$SYSTEM_PATH command -v "$name" >/dev/null || continue
        # /usr/sbin/iptables itself is a link that only an installation makes.
        case $name in
            iptables) set -- xtables-nft-multi iptables ;;
            *) set -- "$name" ;;
        esac
        for path in "$new"/host/{usr/,}{s,}bin/"$1"; do
            [[ ! -e $path ]] || wrapper "$new" "$name" "${path#"$new/"}" "${@:2}"
        done
    done
}

# wrapper NEW NAME TARGET [ARG]: the path is the one the prefix will have.
wrapper() {
    local libs setting
    libs=$(uname -m)-linux-gnu
    setting="LD_LIBRARY_PATH='$PREFIX/host/usr/lib/$libs:$PREFIX/host/lib/$libs'"
    case $2 in
        iptables) setting+=" XTABLES_LIBDIR='$PREFIX/host/usr/lib/$libs/xtables'" ;;
        debootstrap) setting="DEBOOTSTRAP_DIR='$PREFIX/host/usr/share/debootstrap'" ;;
    esac
    printf '#!/bin/sh\nexec env %s '\''%s/%s'\'' %s"$@"\n' \
        "$setting" "$PREFIX" "$3" "${4:+$4 }" >"$1/bin/$2"
    chmod 755 "$1/bin/$2"
}

# Debian testing moves. Say so at once if its programs stop running here, not
# in the middle of a build.
check_programs() {
    local program
    for program in dockerd containerd docker docker-registry; do
        "$PREFIX/bin/$program" --version >/dev/null 2>&1 || {
            rm -f -- "$PREFIX/.complete"
            die_unavailable "$program of Debian testing does not run on this release"
        }
    done
}
