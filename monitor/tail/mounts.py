"""Find out which file system a path is on, and whether it reports changes made by other machines."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

# inotify has no events for what other machines, or the host of a virtual one, write there.
_NETWORK = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "wekafs"),
    }
)
_OCTAL = re.compile(r"\\([0-7]{3})")


def is_on_network(path: Path, *, mountinfo: Path = MOUNTINFO) -> str | None:
    """Return the type of the network file system, or FUSE, that ``path`` is on; None for a local one.

    For a path that does not exist yet, the nearest existing parent decides. A system without ``mountinfo`` counts as
    local.
    """
    try:
        kind = file_system_type(path.resolve(), mountinfo.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return None
    return kind if kind in _NETWORK or kind.startswith("fuse") else None


def file_system_type(path: Path, mountinfo: str) -> str:
    """Return the type of the file system that an absolute path is on; empty if none is mounted there.

    ``mountinfo`` is the text of /proc/self/mountinfo, described in proc(5).
    """
    deepest, kind = -1, ""
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        fields = mount.split(" ")
        if len(fields) < 5 or not source:
            continue
        mounted_at = Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4]))
        # A later mount at the same place hides the earlier one.
        if path.is_relative_to(mounted_at) and len(mounted_at.parts) >= deepest:
            deepest, kind = len(mounted_at.parts), source.split(" ")[0]
    return kind
