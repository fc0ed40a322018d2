"""Files of pods: changed all at once, private, never outside of their volume, gone with the pod."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikctl.agent.atomic_files import write_files
from minikctl.agent.safe_paths import Escape, resolve_below
from minikctl.agent.volumes import DistantVolumes, ImaginedVolumes, LocalVolumes
from minikctl.backend import MountKind
from minikctl.controlplane.kubelet.volumes import (
    ClaimVolume,
    EmptyDir,
    File,
    FileVolume,
    HostPath,
    VolumeMount,
)
from minikctl.errors import PermanentError

UID = "0b5a9c1e-uid"


def files(**content: str) -> tuple[File, ...]:
    return tuple(File(path, text.encode(), 0o644) for path, text in content.items())


def contents(folder: Path) -> dict[str, str]:
    """What a container sees: links followed, the writer's own names left out."""
    found = {}
    for entry in folder.iterdir():
        if not entry.name.startswith(".."):
            inner = [entry] if entry.is_file() else [one for one in entry.rglob("*") if one.is_file()]
            found |= {str(one.relative_to(folder)): one.read_text() for one in inner}
    return found


@pytest.fixture
def volumes(tmp_path: Path) -> LocalVolumes:
    return LocalVolumes(tmp_path / "state")


# --- files that change all at once ----------------------------------------------------------------------


def test_files_come_change_and_go(tmp_path: Path) -> None:
    assert write_files(tmp_path, files(a="1", b="2"), None)
    assert contents(tmp_path) == {"a": "1", "b": "2"}
    assert (tmp_path / "a").readlink() == Path("..data/a")
    held = (tmp_path / "a").open()  # who reads goes on reading what was there
    deep = File("x/y/z", b"3", 0o600)
    assert write_files(tmp_path, (*files(a="new"), deep), None)
    assert contents(tmp_path) == {"a": "new", "x/y/z": "3"}
    assert held.read() == "1"
    assert stat.S_IMODE((tmp_path / "x/y/z").stat().st_mode) == 0o600
    own = [one.name for one in tmp_path.iterdir() if one.name.startswith("..2")]
    assert len(own) == 1, "the old files went"


def test_what_is_so_already_is_left_alone(tmp_path: Path) -> None:
    write_files(tmp_path, files(a="1"), None)
    before = (tmp_path / "..data").readlink()
    assert not write_files(tmp_path, files(a="1"), None)
    assert (tmp_path / "..data").readlink() == before
    assert write_files(tmp_path, (File("a", b"1", 0o755),), None), "another mode is another file"


@pytest.mark.parametrize("leftover", ["..data_tmp", "..2026_old"])
def test_after_a_crash_in_the_middle(tmp_path: Path, leftover: str) -> None:
    write_files(tmp_path, files(a="1"), None)
    (tmp_path / "a").unlink()  # it died between the swap and the links
    (tmp_path / leftover).mkdir() if leftover.startswith("..2") else (tmp_path / leftover).symlink_to("no")
    write_files(tmp_path, files(a="1"), None)
    assert contents(tmp_path) == {"a": "1"}
    write_files(tmp_path, files(a="2"), None)
    assert contents(tmp_path) == {"a": "2"}
    assert not os.path.lexists(tmp_path / leftover)


def _read(folder: int, name: str) -> str:
    with open(name, opener=lambda path, flags: os.open(path, flags, dir_fd=folder)) as file:
        return file.read()


def test_a_reader_sees_all_of_one_state(tmp_path: Path) -> None:
    write_files(tmp_path, files(a="0", b="0"), None)
    pairs: set[tuple[str, str]] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            # A folder may go between the link that leads to it and the look into it: the next one is there.
            with contextlib.suppress(FileNotFoundError):
                folder = os.open(tmp_path / "..data", os.O_RDONLY | os.O_DIRECTORY)
                try:
                    pairs.add((_read(folder, "a"), _read(folder, "b")))
                finally:
                    os.close(folder)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        write_files(tmp_path, files(a=str(number), b=str(number)), None)
    done.set()
    reader.join()
    assert pairs, "nothing was ever seen"
    assert all(a == b for a, b in pairs)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "..data", "..x/y"])
def test_no_key_and_no_item_leaves_the_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match="no path"):
        write_files(tmp_path / "in", (File(path, b"x", 0o644),), None)
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["in"]


def test_a_file_shows_nothing_of_its_content() -> None:
    volume = FileVolume("v", (File("password", b"hunter2", 0o400),))
    assert "hunter2" not in repr(volume)


# --- where paths lead -----------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A volume with honest and dishonest links in it, and something outside."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    root = tmp_path / "volume"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_text("x")
    (root / "inner").symlink_to("a/b")
    (root / "back").symlink_to("a/../a/b")
    (root / "absolute").symlink_to(tmp_path / "outside")
    (root / "relative").symlink_to("../outside")
    (root / "a" / "deep").symlink_to("../../outside/secret")
    (root / "a" / "b" / "chain").symlink_to("../../relative")
    (root / "loop").symlink_to("loop")
    return root


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("a", "a"),
        ("a/file", "a/file"),
        ("inner", "a/b"),
        ("back", "a/b"),
        ("./a//b", "a/b"),
        ("new/x", "new/x"),
    ],
)
def test_honest_paths(tree: Path, path: str, place: str) -> None:
    assert resolve_below(str(tree), path, make_folders=True) == str(tree / place)
    assert (tree / place).exists()


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "a/../..",
        "/etc",
        "absolute",
        "absolute/secret",
        "relative",
        "relative/new",
        "a/deep",
        "inner/chain",
        "loop",
    ],
)
def test_no_path_leads_out(tree: Path, path: str) -> None:
    before = sorted(tree.parent.rglob("*"))
    with pytest.raises(Escape):
        resolve_below(str(tree), path, make_folders=True)
    assert sorted(tree.parent.rglob("*")) == before, "and nothing is made on the way"


@given(st.lists(st.sampled_from(["a", "b", "..", "inner", "relative", "absolute", "x", "."]), max_size=6))
@settings(max_examples=200, deadline=None)
def test_whatever_the_path_it_stays_below(steps: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "volume"
        (root / "a" / "b").mkdir(parents=True)
        (Path(folder) / "outside").mkdir()
        (root / "inner").symlink_to("a/b")
        (root / "a" / "relative").symlink_to("../../outside")
        (root / "absolute").symlink_to(Path(folder) / "outside")
        try:
            found = resolve_below(str(root), "/".join(steps), make_folders=True)
        except Escape:
            pass
        else:
            assert os.path.realpath(found) == found
            assert f"{found}/".startswith(f"{root}/")
        assert list((Path(folder) / "outside").iterdir()) == []


# --- the volumes of a pod -------------------------------------------------------------------------------


def mount(volume: object, sub_path: str = "") -> VolumeMount:
    return VolumeMount(volume, "/x", sub_path)  # type: ignore[arg-type]


def test_made_private_and_readable_for_every_user_inside(volumes: LocalVolumes) -> None:
    old = os.umask(0o077)
    try:
        volumes.set_up(UID, [FileVolume("cm", files(a="1")), EmptyDir("tmp")])
    finally:
        os.umask(old)
    (source,) = (one.source for one in volumes.mounts(UID, "c", [mount(FileVolume("cm", ()))]))
    modes = {
        name: stat.S_IMODE(Path(name).stat().st_mode) for name in (source, f"{source}/..data", f"{source}/a")
    }
    assert list(modes.values()) == [0o755, 0o755, 0o644]
    assert stat.S_IMODE(volumes.place(UID, "tmp").stat().st_mode) == 0o777
    for parent in (volumes.root, volumes.root / UID, volumes.root / UID / "volumes"):
        assert stat.S_IMODE(parent.stat().st_mode) == 0o700


def test_a_sub_path_is_found_when_the_container_is_made(volumes: LocalVolumes) -> None:
    volume = FileVolume("cm", files(key="1"))
    volumes.set_up(UID, [volume, EmptyDir("tmp")])
    (one,) = volumes.mounts(UID, "c", [mount(FileVolume("cm", ()), "key")])
    assert Path(one.source).read_text() == "1"
    assert not Path(one.source).is_symlink()
    assert one.kind is MountKind.BIND
    (two,) = volumes.mounts(UID, "c", [mount(EmptyDir("tmp"), "new/folder")])
    assert stat.S_IMODE(Path(two.source).stat().st_mode) == 0o777


def test_a_link_made_later_by_a_container_leads_nowhere(volumes: LocalVolumes, tmp_path: Path) -> None:
    """CVE-2017-1002101 and CVE-2021-25741: the volume is honest when it is made, and then a container
    replaces a folder of it by a link to the machine's own files."""
    volumes.set_up(UID, [EmptyDir("tmp")])
    (first,) = volumes.mounts(UID, "c", [mount(EmptyDir("tmp"), "a/b")])
    Path(first.source).rmdir()
    (volumes.place(UID, "tmp") / "a").rmdir()
    (volumes.place(UID, "tmp") / "a").symlink_to(tmp_path)
    with pytest.raises(PermanentError, match='failed to prepare subPath for volumeMount "tmp"') as raised:
        volumes.mounts(UID, "c", [mount(EmptyDir("tmp"), "a/b")])
    assert raised.value.reason == "CreateContainerConfigError"
    assert not (tmp_path / "b").exists()


def test_tear_down_leaves_nothing(volumes: LocalVolumes) -> None:
    volumes.set_up(UID, [FileVolume("cm", files(a="1")), EmptyDir("tmp"), EmptyDir("mem", in_memory=True)])
    memory = volumes.place(UID, "mem", in_memory=True)
    (memory / "x").write_text("x")
    assert volumes.uids() == {UID}
    volumes.tear_down(UID)
    volumes.tear_down(UID)
    assert (volumes.uids(), memory.exists(), volumes.root.exists()) == (set(), False, False)


def test_what_a_link_in_a_volume_points_to_is_not_removed(volumes: LocalVolumes, tmp_path: Path) -> None:
    volumes.set_up(UID, [EmptyDir("tmp")])
    (tmp_path / "precious").write_text("x")
    (volumes.place(UID, "tmp") / "link").symlink_to(tmp_path)
    volumes.tear_down(UID)
    assert (tmp_path / "precious").read_text() == "x"


@pytest.mark.parametrize(
    ("kind", "there", "complaint"),
    [
        ("Directory", "file", "is not a directory"),
        ("Directory", "", "is not a directory"),
        ("File", "folder", "is not a file"),
        ("Socket", "file", "is not a socket file"),
        ("CharDevice", "file", "is not a character device"),
        ("BlockDevice", "file", "is not a block device"),
        ("FileOrCreate", "folder", "is not a file"),
        ("DirectoryOrCreate", "file", "is not a directory"),
        ("File", "file", ""),
        ("Directory", "folder", ""),
        ("DirectoryOrCreate", "", ""),
        ("FileOrCreate", "", ""),
        ("", "", ""),
    ],
)
def test_types_of_the_machines_paths(
    volumes: LocalVolumes, tmp_path: Path, kind: str, there: str, complaint: str
) -> None:
    path = tmp_path / "p"
    if there == "file":
        path.touch()
    elif there:
        path.mkdir()
    if not complaint:
        volumes.set_up(UID, [HostPath("h", str(path), kind)])
        assert path.is_file() if "File" in kind else path.is_dir()
        return
    text = f'MountVolume.SetUp failed for volume "h" : hostPath type check failed: {path} {complaint}'
    with pytest.raises(PermanentError) as raised:
        volumes.set_up(UID, [HostPath("h", str(path), kind)])
    assert (raised.value.message, raised.value.reason) == (text, "FailedMount")


@pytest.mark.parametrize("way", ["itself", "parent", "link", "link to parent"])
def test_an_engines_socket_is_out_of_reach(tmp_path: Path, way: str) -> None:
    place = tmp_path / "run"
    place.mkdir()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(place / "engine.sock"))
    path = {
        "itself": place / "engine.sock",
        "parent": tmp_path,
        "link": tmp_path / "link",
        "link to parent": tmp_path / "link",
    }[way]
    if "link" in way:
        path.symlink_to(place if "parent" in way else place / "engine.sock")
    volumes = LocalVolumes(tmp_path / "state", [str(place / "engine.sock")])
    with pytest.raises(PermanentError, match="is or holds an engine's socket"):
        volumes.set_up(UID, [HostPath("h", str(path))])
    with pytest.raises(PermanentError, match="is or holds an engine's socket"):
        volumes.mounts(UID, "c", [mount(HostPath("h", str(path)))])
    allowed = HostPath("h", str(path), may_hold_sockets=True)
    volumes.set_up(UID, [allowed])
    (one,) = volumes.mounts(UID, "c", [mount(allowed)])
    assert one.source == os.path.realpath(path)
    listening.close()


def test_who_can_not_see_files_says_so() -> None:
    with pytest.raises(PermanentError, match="another machine"):
        DistantVolumes().set_up(UID, [EmptyDir("tmp")])
    distant = DistantVolumes()
    distant.set_up(UID, [ClaimVolume("c", "vol"), HostPath("h", "/srv")])
    wanted = [mount(ClaimVolume("c", "vol")), mount(HostPath("h", "/srv"))]
    assert [(one.kind, one.source) for one in distant.mounts(UID, "c", wanted)] == [
        (MountKind.VOLUME, "vol"),
        (MountKind.BIND, "/srv"),
    ]
    assert ImaginedVolumes().uids() == set()
