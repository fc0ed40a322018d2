"""Images, and what the engine says of itself."""

from __future__ import annotations

import ipaddress

import pytest

from minikctl.backend import Credentials
from minikctl.contract.base import ContractBase
from minikctl.contract.bench import FOREVER, Bench
from minikctl.errors import BackendError, PermanentError, TemporaryError

_PASSWORD = "a-secret-of-the-suite"


class ImageChecks(ContractBase):
    def test_ids_of_local_images(self, bench: Bench) -> None:
        backend = bench.backend
        image_id = backend.image_id(self.image)
        assert image_id
        assert backend.image_id(self.image) == image_id
        assert backend.image_id(self.other_image)
        assert backend.image_id(self.missing_image) is None
        assert backend.image_id("busybox:no-such-tag") is None

    def test_missing_image(self, bench: Bench) -> None:
        with pytest.raises(PermanentError) as caught:
            bench.backend.create_container(bench.spec(*FOREVER, image=self.missing_image))
        assert caught.value.reason == "ImageNotFound"
        assert bench.listed() == {}
        with pytest.raises((PermanentError, TemporaryError)) as pulled:
            bench.backend.pull_image(self.missing_image, Credentials("somebody", _PASSWORD))
        assert pulled.value.reason == "ErrImagePull"
        for error in (caught.value, pulled.value):
            _check_one_line(error)
            assert _PASSWORD not in f"{error} {error!r}"
        assert bench.backend.image_id(self.missing_image) is None

    def test_pull(self, bench: Bench) -> None:
        if not self.pullable_image:
            pytest.skip("no pullable_image given")
        image_id = bench.backend.pull_image(self.pullable_image)
        assert image_id
        assert bench.backend.image_id(self.pullable_image) == image_id
        assert bench.backend.pull_image(self.pullable_image) == image_id

    @pytest.mark.parametrize("reference", ["Upper/Case:1", "busybox:bad tag", "http://busybox", "-busybox"])
    def test_not_a_reference(self, bench: Bench, reference: str) -> None:
        with pytest.raises(PermanentError) as caught:
            bench.backend.pull_image(reference)
        assert caught.value.reason == "InvalidImageName"
        _check_one_line(caught.value)
        assert bench.backend.image_id(reference) is None

    def test_ping(self, bench: Bench) -> None:
        bench.backend.ping()

    def test_info(self, bench: Bench) -> None:
        info = bench.backend.info()
        assert info.name
        assert info.version
        assert info.api_version
        assert info.operating_system == "linux"
        assert info.os_image
        assert info.kernel_version
        assert info.architecture in ("amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64")
        assert info.cpu_millicores >= 1000
        assert info.memory_bytes >= 128 * 1024 * 1024
        ipaddress.ip_address(info.host_ip)
        assert bench.backend.name
        assert bench.backend.endpoint


def _check_one_line(error: BackendError) -> None:
    assert str(error)
    assert "\n" not in str(error)
