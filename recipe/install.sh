#!/bin/sh
# Lets a user who is not root cap the power of this machine: see README.md beside this file.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
group=ecomap
user=''
root=''
modes=''
helper=no
dry_run=no
action=install
helper_folder=/usr/local/lib/ecomap-power

usage() {
  cat <<'END'
Usage: sudo ./install.sh [options]
  --user NAME            the user that Node-RED runs as: becomes a member of the group ecomap
  --with-helper          also the root helper (for files that are not covered, nvpmodel, nvidia-smi)
  --nvpmodel-mode ID     permit this power mode, by sudo and by the helper; may be given several times
  --dry-run              only say what would be done
  --uninstall            remove all of it again
  --root FOLDER          work on a system image below FOLDER: files only, no commands
  --help
END
}

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

need_value() {
  [ "$#" -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value"
}

while [ "$#" -gt 0 ]; do
  case "$1" in
  --user)
    need_value "$@"
    user=$2
    shift
    ;;
  --nvpmodel-mode)
    need_value "$@"
    case "$2" in *[!0-9]*) fail "--nvpmodel-mode takes the number of a mode, not '$2'" ;; esac
    modes="$modes $2"
    shift
    ;;
  --root)
    need_value "$@"
    root=${2%/}
    shift
    ;;
  --with-helper) helper=yes ;;
  --dry-run) dry_run=yes ;;
  --uninstall) action=uninstall ;;
  --help)
    usage
    exit 0
    ;;
  *)
    usage >&2
    fail "unknown option '$1'"
    ;;
  esac
  shift
done

case "$user" in -* | *[!A-Za-z0-9._-]*) fail "'$user' is no name of a user" ;; esac
if [ "$dry_run" = no ] && [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
  fail 'run it with sudo, or with --dry-run to see what it would do'
fi

# Runs a command of the system; not for an image, where it would change this machine instead.
system() {
  if [ -n "$root" ]; then return 0; fi
  echo "run: $*"
  if [ "$dry_run" = no ]; then "$@" || echo "install.sh: '$*' failed, going on" >&2; fi
}

# put MODE SOURCE TARGET: copies a file with the places for names filled in.
put() {
  echo "write: $root$3 (mode $1)"
  [ "$dry_run" = no ] || return 0
  mkdir -p "$(dirname "$root$3")"
  sed -e "s|@GROUP@|$group|g" -e "s|@NODE@|$node|g" -e "s|@TMPFILES@|$tmpfiles|g" "$2" >"$root$3.new"
  chmod "$1" "$root$3.new"
  mv "$root$3.new" "$root$3"
}

drop() {
  if [ -e "$root$1" ] || [ "$dry_run" = yes ]; then echo "remove: $root$1"; fi
  [ "$dry_run" = yes ] || rm -f -- "$root$1"
}

# The configuration of the helper, unless somebody has written it by hand: then it is not ours to remove.
drop_helper_config() {
  target=/etc/ecomap-power.json
  [ -e "$root$target" ] || return 0
  if sed 's|"nvpmodelModes": \[[0-9, ]*\]|"nvpmodelModes": []|' "$root$target" |
    cmp -s - "$here/root-helper/ecomap-power.json"; then
    drop "$target"
  else
    echo "keep: $root$target, which was written by hand"
  fi
}

# What stands in the files of systemd and udev must not be taken apart by them.
check_path() {
  case "$1" in *[!A-Za-z0-9/._+-]*) fail "systemd and udev cannot use the path '$1'" ;; esac
}

# A node that somebody else can replace would let them become root.
check_node() {
  [ -n "$node" ] || fail 'the root helper needs node on the path of root'
  check_path "$(readlink -f "$node")"
  [ -z "$root" ] || return 0
  place=$(readlink -f "$node")
  while [ "$place" != / ]; do
    # owner, may the group write and which is it, may others write
    case $(ls -ldn "$place" | awk '{ print $3 substr($1, 6, 1) ($4 == 0 ? "r" : "g") substr($1, 9, 1) }') in
    0-?- | 0wr-) ;;
    *) fail "the root helper needs a node that only root can replace; $place belongs to, or may be written by, somebody else" ;;
    esac
    place=$(dirname "$place")
  done
  node=$(readlink -f "$node")
}

write_sudoers() {
  target=/etc/sudoers.d/ecomap-nvpmodel
  echo "write: $root$target (mode 0440) for the modes$modes"
  [ "$dry_run" = no ] || return 0
  mkdir -p "$root/etc/sudoers.d"
  # A name with a dot is not read by sudo: checked first, then moved into place.
  draft="$root$target.draft"
  grep '^#' "$here/sudoers/ecomap-nvpmodel" >"$draft"
  for mode in $modes; do
    grep -v '^#' "$here/sudoers/ecomap-nvpmodel" | sed -e "s|@GROUP@|$group|g" -e "s|@MODE@|$mode|g" >>"$draft"
  done
  chmod 0440 "$draft"
  if command -v visudo >/dev/null && ! visudo -cqf "$draft"; then
    rm -f "$draft"
    fail 'visudo does not accept the rules for sudo: nothing of them is installed'
  fi
  mv "$draft" "$root$target"
}

# The modes that the helper permits go into its configuration, unless there is one already: that is the user's.
write_helper_config() {
  target=/etc/ecomap-power.json
  if [ -e "$root$target" ]; then
    echo "keep: $root$target"
    return 0
  fi
  echo "write: $root$target (mode 0644)"
  [ "$dry_run" = no ] || return 0
  mkdir -p "$root/etc"
  list=$(echo "$modes" | sed -e 's/^ *//' -e 's/  */, /g')
  sed "s|\"nvpmodelModes\": \[\]|\"nvpmodelModes\": [$list]|" "$here/root-helper/ecomap-power.json" >"$root$target"
  chmod 0644 "$root$target"
}

node=$(command -v node || true)
tmpfiles=$(command -v systemd-tmpfiles || echo /usr/bin/systemd-tmpfiles)

if [ "$action" = uninstall ]; then
  if [ -e "$root/etc/systemd/system/ecomap-power.socket" ]; then
    system systemctl disable --now ecomap-power.socket
    system systemctl stop ecomap-power.service
  fi
  for path in /etc/systemd/system/ecomap-power.socket /etc/systemd/system/ecomap-power.service \
    "$helper_folder/ecomap-power-helper.mjs" "$helper_folder/lease.mjs" "$helper_folder/settings.mjs" \
    /etc/sudoers.d/ecomap-nvpmodel /etc/udev/rules.d/90-ecomap-power.rules \
    /etc/tmpfiles.d/ecomap-power.conf; do
    drop "$path"
  done
  drop_helper_config
  # Only when nothing of anybody else is in it.
  [ "$dry_run" = yes ] || rmdir "$root$helper_folder" 2>/dev/null || true
  system systemctl daemon-reload
  system udevadm control --reload
  echo "Removed. The files of /sys get their old permissions at the next boot; the group $group stays: groupdel $group."
  exit 0
fi

check_path "$tmpfiles"
[ "$helper" = no ] || check_node
if [ -z "$root" ] && getent group "$group" >/dev/null; then
  echo "keep: group $group"
else
  system groupadd --system "$group"
fi
[ -z "$user" ] || system usermod --append --groups "$group" "$user"
put 0644 "$here/tmpfiles.d/ecomap-power.conf" /etc/tmpfiles.d/ecomap-power.conf
put 0644 "$here/udev/90-ecomap-power.rules" /etc/udev/rules.d/90-ecomap-power.rules
[ -z "$modes" ] || write_sudoers
if [ "$helper" = yes ]; then
  for file in ecomap-power-helper.mjs lease.mjs settings.mjs; do
    put 0644 "$here/root-helper/$file" "$helper_folder/$file"
  done
  write_helper_config
  put 0644 "$here/root-helper/ecomap-power.socket" /etc/systemd/system/ecomap-power.socket
  put 0644 "$here/root-helper/ecomap-power.service" /etc/systemd/system/ecomap-power.service
  system systemctl daemon-reload
  system systemctl enable --now ecomap-power.socket
fi
system udevadm control --reload
system "$tmpfiles" --create /etc/tmpfiles.d/ecomap-power.conf
echo "Done. A new member of the group $group counts after the next login: restart Node-RED."
