"""Archives that mean harm, and those that do not, unpacked without a filter of tarfile's."""

import io
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.inference.unpack import UnsafeArchiveError, unpack

PARTS = st.sampled_from(["a", "b", "..", ".", "", "a.ckpt", "very" * 40, "ä b"])
NAMES = st.builds("/".join, st.lists(PARTS, min_size=1, max_size=5))
LINKS = [tarfile.SYMTYPE, tarfile.LNKTYPE]
DEVICES = [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, *LINKS, *DEVICES])
Member = tuple[str, bytes, bytes]  # name, type, content or the link's aim


def archive(path: Path, members: list[Member], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0  # a mode that would lock its owner out
            if kind in LINKS:
                member.linkname = content.decode()
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(content))
    return path


def below(folder: Path) -> dict[str, bytes | None]:
    """Everything in `folder`: contents of files, None for the rest."""
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {name: path.read_bytes() if path.is_file() else None for name, path in paths.items()}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_files_come_out_as_they_went_in(tmp_path: Path, mode: str) -> None:
    members = [
        (".", tarfile.DIRTYPE, b""),
        ("./model_config.yaml", tarfile.REGTYPE, b"sample_rate: 16000"),
        ("./deep/er/labels.txt", tarfile.REGTYPE, bytes(range(256)) * 4000),
        ("empty", tarfile.DIRTYPE, b""),
    ]
    folder = tmp_path / "out"
    folder.mkdir()
    unpack(archive(tmp_path / "a.nemo", members, mode), folder)
    assert below(folder) == {
        "model_config.yaml": b"sample_rate: 16000",
        "deep": None,
        "deep/er": None,
        "deep/er/labels.txt": bytes(range(256)) * 4000,
        "empty": None,
    }


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ([("/etc/evil", tarfile.REGTYPE, b"x")], "'/etc/evil' leads out"),
        ([("../evil", tarfile.REGTYPE, b"x")], "'../evil' leads out"),
        ([("a/../../evil", tarfile.REGTYPE, b"x")], "leads out"),
        ([("..", tarfile.DIRTYPE, b"")], "leads out"),
        ([("link", tarfile.SYMTYPE, b"..")], "'link' is no regular file"),
        ([("hard", tarfile.LNKTYPE, b"/etc/passwd")], "'hard' is no regular file"),
        (
            [("link", tarfile.SYMTYPE, b".."), ("link/evil", tarfile.REGTYPE, b"x")],
            "'link' is no regular file",
        ),
        ([("pipe", tarfile.FIFOTYPE, b"")], "'pipe' is no regular file"),
        ([("null", tarfile.CHRTYPE, b"")], "'null' is no regular file"),
    ],
)
def test_what_no_checkpoint_needs_is_refused_by_name(
    tmp_path: Path, members: list[Member], named: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(UnsafeArchiveError, match=named):
        unpack(archive(tmp_path / "a.nemo", members), folder)
    assert below(tmp_path).keys() == {"a.nemo", "out"}


@given(st.lists(st.tuples(NAMES, KINDS, st.just(b"..")), max_size=6))
def test_nothing_is_written_outside_the_folder(members: list[Member]) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "x" / "out"
        folder.mkdir(parents=True)
        try:
            unpack(archive(Path(root) / "a.nemo", members), folder)
        except (UnsafeArchiveError, OSError):
            pass
        else:
            files = [name for name, kind, _ in members if kind == tarfile.REGTYPE]
            assert all((folder / name).read_bytes() == b".." for name in files)
        assert {str(path.relative_to(root)) for path in Path(root).rglob("*")} - {
            f"x/out/{name}" for name in below(folder)
        } == {"a.nemo", "x", "x/out"}
        assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_a_truncated_archive_is_said(tmp_path: Path) -> None:
    whole = archive(tmp_path / "a.nemo", [("weights", tarfile.REGTYPE, bytes(100_000))])
    whole.write_bytes(whole.read_bytes()[:50_000])
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(tarfile.ReadError):
        unpack(whole, folder)
