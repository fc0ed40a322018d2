"""Files: what is mounted into a container, what is copied into it and out of it."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress

import pytest
from msgspec.structs import replace

from minikctl.backend import ContainerState, Mount, MountKind, SecurityContext, VolumeSpec
from minikctl.contract.base import ContractBase, Folder, only_where_real
from minikctl.contract.bench import FOREVER, Bench, shell
from minikctl.errors import PermanentError, TemporaryError


def packed(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o640
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def folders(*names: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.gid = tarfile.DIRTYPE, 0o2771, 12, 34
            tar.addfile(member)
    return written.getvalue()


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Its files; folders are left out."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {member.name.rstrip("/"): tar.extractfile(member) for member in tar}
    return {name: file.read() for name, file in found.items() if file is not None}


def skip_where_refused(bench: Bench, part: Mount) -> None:
    """An old engine may mount whole volumes only, and says so; it never mounts one instead of a part."""
    try:
        bench.backend.create_container(bench.spec(*FOREVER, mounts=(part,)))
    except PermanentError as error:
        assert error.reason == "CreateContainerConfigError"
        pytest.skip(error.message)


class FileChecks(ContractBase):
    # --- mounts ---

    def test_bind_mounts(self, bench: Bench, folder: Folder) -> None:
        (folder.here / "config").write_text("from outside\n")
        mounts = (
            Mount(MountKind.BIND, folder.there, "/data"),
            Mount(MountKind.BIND, f"{folder.there}/config", "/etc/app/config", read_only=True),
        )
        script = "cat /data/config; cat /etc/app/config"
        if bench.backend.capabilities.simulated:
            assert bench.run(bench.spec(*shell(script), mounts=mounts)).text() == ["from outside"] * 2
            return
        script += "; echo inside > /data/made; echo no 2>/dev/null > /etc/app/config || echo read-only"
        ended = bench.run(bench.spec(*shell(script), mounts=mounts))
        assert ended.text() == ["from outside", "from outside", "read-only"]
        assert (folder.here / "made").read_text() == "inside\n"

    def test_bind_mount_of_what_is_not_there(self, bench: Bench, folder: Folder) -> None:
        only_where_real(bench.backend)
        missing = Mount(MountKind.BIND, f"{folder.there}/missing", "/data")
        with pytest.raises(PermanentError) as caught:
            bench.start(bench.spec(*FOREVER, mounts=(missing,)))
        assert caught.value.reason in ("CreateContainerError", "RunContainerError")
        assert not (folder.here / "missing").exists(), "nobody makes it"

    def test_mounts_in_memory(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        mount = Mount(MountKind.TMPFS, "", "/cache", size_bytes=4 << 20)
        script = (
            "grep ' /cache ' /proc/mounts | cut -d' ' -f3;"
            "df -k /cache | tail -n 1 | tr -s ' ' | cut -d' ' -f2; stat -c %a /cache;"
            "printf '#!/bin/sh\\necho runs\\n' > /cache/program; chmod +x /cache/program; /cache/program"
        )
        security = SecurityContext(run_as_user=1234)
        ended = bench.run(bench.spec(*shell(script), mounts=(mount,), security=security))
        assert ended.text() == ["tmpfs", "4096", "777", "runs"]

    # --- volumes ---

    def test_life_of_a_volume(self, bench: Bench, stranger: Bench) -> None:
        backend = bench.backend
        spec = VolumeSpec(bench.name(), {**bench.labels(), "example.com/claim": "grün, =x"})
        assert backend.list_volumes() == []
        volume = backend.create_volume(spec)
        assert volume.name == spec.name
        assert dict(volume.labels).items() >= dict(spec.labels).items()
        assert abs(volume.created_at - self.now()) < 60
        assert backend.create_volume(spec) == volume, "once more finds the first"
        assert backend.list_volumes() == [volume]

        assert stranger.backend.list_volumes() == []
        with pytest.raises(PermanentError) as caught:
            stranger.backend.create_volume(VolumeSpec(spec.name, stranger.labels()))
        assert caught.value.reason == "CreateVolumeError"
        stranger.backend.remove_volume(spec.name)
        assert backend.list_volumes() == [volume], "somebody else's is not removed"

        backend.remove_volume(spec.name)
        assert backend.list_volumes() == []
        backend.remove_volume(spec.name)

    def test_volumes_keep_what_is_written(self, bench: Bench) -> None:
        backend = bench.backend
        volume = backend.create_volume(VolumeSpec(bench.name(), bench.labels()))
        mount = Mount(MountKind.VOLUME, volume.name, "/data")
        writer = bench.run(bench.spec(*shell("echo kept > /data/file"), mounts=(mount,))).container
        with pytest.raises(TemporaryError) as caught:
            backend.remove_volume(volume.name)
        assert caught.value.reason == "VolumeInUse"
        backend.remove_container(writer.id)
        assert [one.name for one in backend.list_volumes()] == [volume.name], "a named one stays"
        reader = bench.spec(*shell("cat /data/file"), mounts=(replace(mount, read_only=True),))
        ended = bench.run(reader)
        if not backend.capabilities.simulated:
            assert ended.text() == ["kept"]
        backend.remove_container(ended.container.id)
        backend.remove_volume(volume.name)

    def test_a_part_of_a_volume(self, bench: Bench) -> None:
        """It is mounted alone; no link leads out, and what is not there is an error."""
        only_where_real(bench.backend)
        volume = bench.backend.create_volume(VolumeSpec(bench.name(), bench.labels()))
        mount = Mount(MountKind.VOLUME, volume.name, "/data")
        script = "mkdir -p /data/a/b; echo kept > /data/a/b/file; echo x > /data/other; ln -s / /data/out"
        bench.run(bench.spec(*shell(script), mounts=(mount,)))
        skip_where_refused(bench, replace(mount, sub_path="a"))
        for sub_path, listed in (("a", "b"), ("a/b", "file")):
            part = replace(mount, sub_path=sub_path, read_only=True)
            ended = bench.run(bench.spec(*shell("ls /data; touch /data/x || echo read-only"), mounts=(part,)))
            assert [line for line in ended.text() if "touch" not in line] == [listed, "read-only"]
        one = replace(mount, sub_path="a/b/file")
        assert bench.run(bench.spec("cat", "/data", mounts=(one,))).text() == ["kept"]
        for sub_path in ("none", "out/etc"):
            with pytest.raises((PermanentError, TemporaryError)):
                bench.start(bench.spec(*FOREVER, mounts=(replace(mount, sub_path=sub_path),)))

    def test_what_an_archive_says_of_a_volumes_folders_becomes_so(self, bench: Bench) -> None:
        """Of the root, by its own name (said twice) or from above; before a container with it was started."""
        only_where_real(bench.backend)
        volume = bench.backend.create_volume(VolumeSpec(bench.name(), bench.labels()))
        mount = Mount(MountKind.VOLUME, volume.name, "/shared")
        unstarted = bench.backend.create_container(bench.spec(*FOREVER, mounts=(mount,)))
        for _ in range(2):
            bench.backend.put_archive(unstarted, "/shared", folders(".", "a"))
        with suppress(PermanentError):
            bench.backend.put_archive(unstarted, "/", folders("shared"))
        ended = bench.run(bench.spec(*shell("stat -c '%a %u %g' /shared /shared/a"), mounts=(mount,)))
        assert ended.text() == ["2771 12 34"] * 2

    def test_volumes_begin_empty(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        volume = bench.backend.create_volume(VolumeSpec(bench.name(), bench.labels()))
        mount = Mount(MountKind.VOLUME, volume.name, "/var", read_only=True)
        script = "ls /var | wc -l; touch /var/x 2>/dev/null || echo read-only"
        ended = bench.run(bench.spec(*shell(script), mounts=(mount,)))
        assert ended.text() == ["0", "read-only"], "the image has a folder in /var, which is not copied"

    # --- archives ---

    @pytest.mark.parametrize("running", [True, False])
    def test_archives_in_and_out(self, bench: Bench, running: bool) -> None:
        backend = bench.backend
        container_id = backend.create_container(bench.spec(*FOREVER))
        if running:
            backend.start_container(container_id)
        archive = packed({"one.txt": b"one\n", "folder/two.bin": bytes(range(256)) * 1000})
        half = len(archive) // 2
        backend.put_archive(container_id, "/tmp", iter([archive[:half], archive[half:]]))
        backend.put_archive(container_id, "/tmp", packed({"one.txt": b"once more\n"}))
        assert unpacked(b"".join(backend.get_archive(container_id, "/tmp/one.txt"))) == {
            "one.txt": b"once more\n"
        }
        assert unpacked(b"".join(backend.get_archive(container_id, "/tmp/folder"))) == {
            "folder/two.bin": bytes(range(256)) * 1000
        }
        if running:
            result = backend.exec_container(container_id, ("cat", "/tmp/one.txt"), timeout=5)
            assert result.output == b"once more\n"

    def test_archives_of_what_is_not_there(self, bench: Bench, stranger: Bench) -> None:
        backend = bench.backend
        ours = backend.create_container(bench.spec(*FOREVER))
        theirs = stranger.backend.create_container(stranger.spec(*FOREVER))
        for container_id, path in ((ours, "/no/such"), (theirs, "/tmp")):
            with pytest.raises(PermanentError) as caught:
                list(backend.get_archive(container_id, path))
            assert caught.value.reason == "NotFound"
            with pytest.raises(PermanentError) as caught:
                backend.put_archive(container_id, path, packed({"a": b""}))
            assert caught.value.reason == "NotFound"
        with pytest.raises(PermanentError) as caught:
            backend.put_archive(ours, "/tmp", b"this is no archive" * 100)
        assert caught.value.reason == "BadArchive"
        assert bench.look(ours).state is ContainerState.CREATED
