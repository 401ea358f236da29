"""The file system of a path is read from the system's own table of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.tail.mounts import file_system_type, is_on_network

TABLE = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:44 / /mnt/data rw,relatime shared:7 master:1 - nfs4 server:/data rw,vers=4.2
41 40 0:45 / /mnt/data/scratch rw,relatime - xfs /dev/sdb1 rw
42 27 0:46 / /mnt/my\040disk rw,relatime - cifs //nas/disk rw
43 27 0:47 / /home rw,relatime - ext4 /dev/vdb rw
44 27 0:48 / /home rw,relatime - fuse.sshfs host:/home rw
torn line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/log/run.log", "ext4"),
        ("/mnt/data/run.log", "nfs4"),
        ("/mnt/database/run.log", "ext4"),
        ("/mnt/data/scratch/run.log", "xfs"),
        ("/mnt/my disk/run.log", "cifs"),
        ("/home/user/run.log", "fuse.sshfs"),
    ],
)
def test_the_deepest_and_latest_mount_counts(path: str, kind: str) -> None:
    assert kind == file_system_type(Path(path), TABLE)


def test_a_path_outside_every_mount_has_no_type() -> None:
    assert file_system_type(Path("/run.log"), "") == ""


def test_only_a_network_path_has_its_file_system_named(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert is_on_network(Path("/mnt/data/x/run.log"), mountinfo=table) == "nfs4"
    assert is_on_network(Path("/mnt/data/scratch"), mountinfo=table) is None


def test_a_system_without_a_table_counts_as_local(tmp_path: Path) -> None:
    assert is_on_network(tmp_path, mountinfo=tmp_path / "missing") is None
