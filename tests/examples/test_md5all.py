"""
The digests of a real tree.
"""

import hashlib

import pytest

from examples import md5all


@pytest.fixture
def tree(tmp_path):
    """
    Files in folders, one of them large, one empty, and a link.
    """
    contents = {"a": b"", "b/c": b"hello", "b/d/e": bytes(1_000_000)}
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    return {
        tmp_path / name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()
    }


class TestMd5All:
    @pytest.mark.real
    @pytest.mark.parametrize("workers", [1, 8])
    async def test_every_file_once(self, tmp_path, tree, workers):
        """
        Every regular file has its digest, however many are read at a time.
        """
        assert (tree, []) == await md5all.md5all(tmp_path, workers)

    @pytest.mark.real
    async def test_what_cannot_be_read(self, tmp_path, tree, monkeypatch):
        """
        A file that cannot be read is told of, and the others have their digests.
        """
        digest_of = md5all.digest_of

        def fail_on_c(path):
            if path.name == "c":
                raise PermissionError("not yours")
            return digest_of(path)

        monkeypatch.setattr(md5all, "digest_of", fail_on_c)
        digests, (letter,) = await md5all.md5all(tmp_path, 4)

        assert tmp_path / "b/c" == letter.item
        assert isinstance(letter.error, PermissionError)
        assert set(tree) - {tmp_path / "b/c"} == set(digests)

    @pytest.mark.real
    def test_command(self, tmp_path, tree, monkeypatch, capsys):
        """
        The command prints what md5sum would.
        """
        monkeypatch.setattr("sys.argv", ["md5all", str(tmp_path)])

        assert 0 == md5all.main()
        assert [f"{tree[path]}  {path}" for path in sorted(tree)] == capsys.readouterr().out.splitlines()
