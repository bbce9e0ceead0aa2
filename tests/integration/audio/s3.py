"""A real S3 server: VersityGW over a directory, on loopback, built once by the Go toolchain."""

import fcntl
import hashlib
import hmac
import os
import shutil
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from producer_tools.loopback import answers, free_port
from tests.waiting import until

VERSION = "v1.8.0"
MODULE = "github.com/versity/versitygw/cmd/versitygw"
_TOOLS = Path(__file__).parents[3] / "build" / "tools"


def missing() -> str | None:
    """Why the server cannot be had, None if it can."""
    if _found() is None and shutil.which("go") is None:
        return "install Go, or put versitygw on the PATH"
    return None


def _found() -> str | None:
    return shutil.which("versitygw", path=f"{_TOOLS}{os.pathsep}{os.environ.get('PATH', '')}")


def program() -> str:
    """The server's path; builds it (about two minutes) if it is not there yet."""
    _TOOLS.mkdir(parents=True, exist_ok=True)
    with (_TOOLS / "go.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if _found() is None:
            environment = {**os.environ, "GOBIN": str(_TOOLS)}
            subprocess.run(["go", "install", f"{MODULE}@{VERSION}"], env=environment, check=True)
    return str(_found())


class S3Server:
    """One server with a root account and one that owns nothing (`stranger`)."""

    root = ("root", "root-secret")
    stranger = ("stranger", "stranger-secret")

    def __init__(self, directory: Path) -> None:
        self._port = free_port()
        self._address = f"127.0.0.1:{self._port}"
        self.endpoint = f"http://{self._address}"
        self._iam = directory / "iam"
        self._buckets = directory / "buckets"
        self._versions = directory / "versions"
        for folder in (self._iam, self._buckets, self._versions):
            folder.mkdir()
        self.start()
        self._admin("create-user", "-a", self.stranger[0], "-s", self.stranger[1], "-r", "user")

    def start(self) -> None:
        """Start it (again): objects stay."""
        self._process = subprocess.Popen(
            [
                *(program(), "--port", self._address, "--iam-dir", self._iam, "--keep-alive"),
                *("posix", "--versioning-dir", self._versions, self._buckets),
            ],
            env={"ROOT_ACCESS_KEY": self.root[0], "ROOT_SECRET_KEY": self.root[1]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: answers(self._port), lambda: f"exit code {self._process.poll()}")

    def stop(self) -> None:
        """End it."""
        self._process.kill()  # asked politely it waits for idle connections
        self._process.wait(10)

    def create_bucket(self, name: str) -> None:
        """Make a bucket that the root account owns."""
        self._admin("create-bucket", "--owner", self.root[0], "--bucket", name)

    def keep_versions(self, bucket: str) -> None:
        """Give objects of a bucket versions (PutBucketVersioning, which obstore has not)."""
        body = (
            b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            b"<Status>Enabled</Status></VersioningConfiguration>"
        )
        headers = self._signed("PUT", f"/{bucket}", "versioning=", body)
        url = f"{self.endpoint}/{bucket}?versioning="
        request = urllib.request.Request(url, body, headers, method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    def _signed(self, method: str, path: str, query: str, body: bytes) -> dict[str, str]:
        """Headers of a request with AWS Signature Version 4 of the root account."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": self._address, "x-amz-content-sha256": digest, "x-amz-date": moment}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = "\n".join((method, path, query, lines, names, digest))
        scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
        key = f"AWS4{self.root[1]}".encode()
        for step in scope.split("/"):
            key = hmac.digest(key, step.encode(), "sha256")
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"Credential={self.root[0]}/{scope}"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def options(self, account: tuple[str, str] = root) -> dict[str, str]:
        """Store options for this server."""
        return {
            "aws_endpoint": self.endpoint,
            "aws_access_key_id": account[0],
            "aws_secret_access_key": account[1],
            "aws_region": "us-east-1",
            "allow_http": "true",
        }

    def _admin(self, *arguments: str) -> None:
        who = ["-a", self.root[0], "-s", self.root[1], "--er", self.endpoint]
        subprocess.run([program(), "admin", *who, *arguments], check=True, capture_output=True)
