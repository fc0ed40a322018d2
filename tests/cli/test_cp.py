"""cp: hostile archives first. All of them go through the code that `minikctl cp` unpacks with."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_rig import Cli
from hypothesis import given, settings
from hypothesis import strategies as st

from minikctl.cli.cp import Spec, pack, parse_spec
from minikctl.cli.unpacking import unpack

SECRET = "not to be touched\n"


class Member:
    """One member of a hostile archive."""

    def __init__(
        self, name: str, text: str | None = None, *, link: str = "", hard: str = "", **more: int
    ) -> None:
        self.info = tarfile.TarInfo(name)
        self.data = (text or "").encode()
        self.info.size = len(self.data)
        if link or hard:
            self.info.type = tarfile.SYMTYPE if link else tarfile.LNKTYPE
            self.info.linkname, self.info.size = link or hard, 0
        elif text is None:
            self.info.type = tarfile.DIRTYPE
        for field, value in more.items():
            setattr(self.info, field, value)


def archive(*members: Member) -> Iterator[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            tar.addfile(member.info, io.BytesIO(member.data))
    data = buffer.getvalue()
    return iter([data[start : start + 700] for start in range(0, len(data), 700)])


class Ground:
    """A destination, with something outside of it that must stay as it is."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text(SECRET)
        self.inside = folder / "inside"
        self.inside.mkdir()
        self.target = self.inside / "out"
        self.before = self.look()
        self.warnings: list[str] = []

    def look(self) -> dict[str, str]:
        root = self.inside.parent
        found = (path for path in root.rglob("*") if not path.is_relative_to(self.inside / "out"))
        return {str(path): path.read_text() if path.is_file() else "" for path in found}

    def unpack(self, *members: Member, prefix: str = "src") -> int:
        count = unpack(archive(*members), prefix, self.target, self.warnings.append)
        assert self.look() == self.before, "something outside of the destination changed"
        for path in self.target.rglob("*"):
            if path.is_symlink():
                assert path.resolve().is_relative_to(self.target.resolve()), path
        return count

    def files(self) -> dict[str, str]:
        found = (path for path in self.target.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.target)): path.read_text() for path in found}


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def test_folders_files_and_links_that_stay_inside(ground: Ground) -> None:
    count = ground.unpack(
        Member("src"),
        Member("src/a", "one", mode=0o4755),
        Member("src/deep/er/b", "two"),
        Member("src/link", link="deep/er/b"),
        Member("src/deep/up", link="../a"),
        Member("src/hard", hard="src/a"),
        Member("src/later", link="nothing/yet"),
    )
    assert ground.files() == {"a": "one", "deep/er/b": "two", "hard": "one"}
    assert (ground.target / "link").read_text() == "two"
    assert (ground.target / "deep/up").read_text() == "one"
    assert (ground.target / "later").readlink() == Path("nothing/yet")
    assert (ground.target / "a").stat().st_mode & 0o7777 == 0o755
    assert (ground.target / "hard").stat().st_nlink == 1
    assert ground.warnings == []
    assert count == 7


@pytest.mark.parametrize(
    "name",
    [
        "../outside/secret",
        "src/../../outside/secret",
        "/outside/secret",
        "src/..",
        "other/x",
        "srcs/x",
        "..",
        "",
    ],
)
def test_names_that_lead_out(ground: Ground, name: str) -> None:
    """CVE-2019-1002101 and -11249: a member elsewhere than below what was asked for."""
    ground.unpack(Member("src"), Member(name, "evil"), Member("src/good", "good"))
    assert ground.files() == {"good": "good"}
    assert len(ground.warnings) == 1


@pytest.mark.parametrize(
    "members",
    [
        # CVE-2019-1002101: a file through a link to a folder outside.
        [Member("src/d", link="../../outside"), Member("src/d/secret", "evil")],
        # The same by an absolute link.
        [Member("src/d", link="/etc"), Member("src/d/secret", "evil")],
        # CVE-2019-11246: a file in a link's place.
        [Member("src/f", link="../../outside/secret"), Member("src/f", "evil")],
        # CVE-2019-11251: two links, each of which looks harmless.
        [
            Member("src/a", link="b/.."),
            Member("src/b", link="c/d"),
            Member("src/c/d"),
            Member("src/e", link="a/../../outside"),
            Member("src/e/secret", "evil"),
        ],
        [Member("src/x"), Member("src/x/y", link=".."), Member("src/z", link="x/y/../outside/secret")],
        [Member("src/x/y", link="."), Member("src/z", link="x/y/../../../outside")],
        # Hard links to what is outside, or was never unpacked.
        [Member("src/h", hard="../../outside/secret"), Member("src/h2", hard="/etc/passwd")],
        [
            Member("src/s", link="../../outside/secret"),
            Member("src/h", hard="src/s"),
            Member("src/h", "evil"),
        ],
        # The destination itself as a link.
        [Member("src", link="../outside"), Member("src/secret", "evil")],
        # A name that is a folder, then a link, then a folder again.
        [Member("src/d"), Member("src/d", link="../../outside"), Member("src/d/secret", "evil")],
        # A path so long that looking where it leads gives up.
        [
            *(Member("src/" + "/".join(["d" * 247] * depth)) for depth in range(1, 17)),
            Member("src/" + "/".join(["d" * 247] * 16) + "/up", link="../" * 17 + "outside"),
            Member("src/z", link="/".join(["d" * 247] * 16) + "/up/../../outside"),
            Member("src/z/secret", "evil"),
        ],
    ],
    ids=lambda members: members[0].info.name[:8] + "->" + members[0].info.linkname[:20],
)
def test_links_that_lead_out(ground: Ground, members: list[Member]) -> None:
    ground.unpack(*members, Member("src/good", "good"))
    assert (ground.target / "good").read_text() == "good"


def test_links_that_were_there_are_not_written_through(ground: Ground) -> None:
    ground.target.mkdir()
    (ground.target / "folder").symlink_to(ground.outside)
    (ground.target / "file").symlink_to(ground.outside / "secret")
    try:
        unpack(
            archive(Member("src"), Member("src/folder/secret", "evil"), Member("src/file", "evil")),
            "src",
            ground.target,
            ground.warnings.append,
        )
    finally:
        assert (ground.outside / "secret").read_text() == SECRET
    assert len(ground.warnings) == 2


def test_devices_and_pipes_are_left_out(ground: Ground) -> None:
    pipe, device = Member("src/pipe", "", type=0), Member("src/device", "", type=0)
    pipe.info.type, device.info.type = tarfile.FIFOTYPE, tarfile.CHRTYPE
    ground.unpack(Member("src"), pipe, device, Member("src/good", "good"))
    assert ground.files() == {"good": "good"}
    assert not (ground.target / "pipe").exists() and len(ground.warnings) == 2


def test_an_archive_that_breaks_off_is_an_error(ground: Ground) -> None:
    whole = b"".join(archive(Member("src"), Member("src/a", "x" * 5000)))
    with pytest.raises(tarfile.TarError):
        unpack(iter([whole[:2000]]), "src", ground.target, ground.warnings.append)
    with pytest.raises(tarfile.TarError):
        unpack(iter([b"no tar at all" * 100]), "src", ground.target, ground.warnings.append)


PARTS = st.sampled_from(["src", "a", "b", "..", ".", "", "/"])
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("/".join)
MEMBERS = st.lists(
    st.one_of(
        st.builds(Member, NAMES, st.just("evil")),
        st.builds(Member, NAMES),
        st.builds(lambda name, link: Member(name, link=link), NAMES, NAMES.filter(bool)),
        st.builds(lambda name, hard: Member(name, hard=hard), NAMES, NAMES.filter(bool)),
    ),
    max_size=8,
)


@settings(max_examples=100, deadline=None)
@given(members=MEMBERS)
def test_no_archive_gets_out(members: list[Member]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Ground(Path(folder)).unpack(*members)


# --- packing ---------------------------------------------------------------------------------------


def test_what_is_packed_can_be_unpacked(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / ("n" * 200)).write_bytes(os.urandom(3_000_000))
    (source / "empty").write_text("")
    (source / "ünï").write_text("text")
    os.link(source / "ünï", source / "twin")
    (source / "link").symlink_to("deep")
    data = b"".join(pack(source, "other", keeps_owner=True))
    assert len(data) % tarfile.BLOCKSIZE == 0
    target = tmp_path / "target"
    unpack(iter([data]), "other", target, pytest.fail)
    for path in source.rglob("*"):
        twin = target / path.relative_to(source)
        assert twin.is_symlink() == path.is_symlink()
        assert twin.is_dir() or twin.read_bytes() == path.read_bytes()


def test_owners_are_not_kept_where_nobody_wants_that(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("x")
    (tmp_path / "tool").chmod(0o4711)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pack(tmp_path / "tool", "t", keeps_owner=False)))) as tar:
        (member,) = tar.getmembers()
    assert (member.uid, member.uname, member.mode) == (0, "", 0o755)


# --- the command line ------------------------------------------------------------------------------


def test_specs() -> None:
    assert parse_spec("a/b/c") == Spec("", "", "a/b/c")
    assert parse_spec("pod:/x:y") == Spec("", "pod", "/x:y")
    assert parse_spec("shop/pod:x") == Spec("shop", "pod", "x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "source and destination are required"),
        (["a"], "source and destination are required"),
        (["a", "b"], "one of src or dest must be a remote file specification"),
        (["a:b", "c:d"], "one of src or dest must be a local file specification"),
        ([":a", "b"], "filespec must match the canonical format: [[namespace/]pod:]file/path"),
        (["a/b/c:d", "e"], "filespec must match the canonical format: [[namespace/]pod:]file/path"),
        (["a:", "b"], "filepath can not be empty"),
        (["nope", "a:b"], "nope doesn't exist in local filesystem"),
    ],
    ids=str,
)
def test_usage(cli: Cli, words: list[str], message: str) -> None:
    result = cli("cp", *words)
    assert (result.code, result.err) == (1, f"error: {message}\n")


def test_what_is_not_there(cli: Cli) -> None:
    result = cli("cp", "nope:/x", str(cli.folder))
    assert result.err.endswith('Error from server (NotFound): pods "nope" not found\n')


POD = """apiVersion: v1
kind: Pod
metadata: {name: files}
spec: {containers: [{name: c, image: nginx}]}
"""


def test_there_and_back(cli: Cli) -> None:
    cli.ok("apply", "-f", cli.write("pod.yaml", POD), "--timeout=20s")
    source = cli.folder / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "b").write_text("two")
    (source / "a").write_text("one")
    cli.ok("cp", str(source), "files:/tmp/site")
    cli.ok("cp", "default/files:/tmp/site", str(cli.folder / "back"))
    assert (cli.folder / "back/a").read_text() == "one"
    assert (cli.folder / "back/deep/b").read_text() == "two"
    cli.ok("cp", str(source / "a"), "files:/tmp/site", "-c", "c")
    cli.ok("cp", "files:/tmp/site/a", str(cli.folder))
    assert (cli.folder / "a").read_text() == "one"
    missing = cli("cp", "files:/nope", str(cli.folder / "x"))
    assert missing.err == "error: /nope is not there in container c\n"
    no_folder = cli("cp", "files:/tmp/site", str(cli.folder / "a"))
    assert no_folder.err.endswith("is no folder\n") and no_folder.code == 1


def test_a_hostile_container_through_the_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from minikctl_memory.backend import MemoryBackend

    cli.ok("apply", "-f", cli.write("pod.yaml", POD), "--timeout=20s")
    evil = b"".join(
        archive(
            Member("site"),
            Member("site/d", link="../.."),
            Member("site/../../x", "e"),
            Member("site/d/x", "e"),
        )
    )
    monkeypatch.setattr(MemoryBackend, "get_archive", lambda self, identifier, path: iter([evil]))
    target = cli.folder / "deep" / "target"
    target.parent.mkdir()
    result = cli.ok("cp", "files:/site", str(target))
    assert not (cli.folder / "x").exists() and not (cli.folder / "deep" / "x").exists()
    assert "Warning: file 'site/../../x' is outside target destination, skipping" in result.err
