"""TLS, SASL and ACLs for a test cluster of one broker: what an operator's own Kafka would ask for.

The plain listener stays as the way in for inter-broker traffic and for the tests' administrator
(`User:ANONYMOUS` is its super user). Whoever comes over the secured listeners has no rights but
those an ACL grants.
"""

import subprocess
from pathlib import Path

from producer_tools.loopback import free_port

PLAIN_USER, PLAIN_PASSWORD = "plain-user", "plain-password"
_NAME = "localhost"


class Authority:
    """A certificate authority in a folder, and the certificates it signs (PEM, EC P-256)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "authority.pem"
        self._key = folder / "authority.key"
        self._request(self._key, "authority", "-x509", "-days", "2", "-out", str(self.certificate))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Key and certificate of `CN=name`, valid for servers named `localhost` and for clients."""
        key, request = self._folder / f"{name}.key", self._folder / f"{name}.csr"
        signed, extensions = self._folder / f"{name}.pem", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=DNS:{_NAME},IP:127.0.0.1\n")
        self._request(key, name, "-out", str(request))
        by = f"-CA {self.certificate} -CAkey {self._key} -CAcreateserial -days 2".split()
        _openssl("x509", "-req", "-in", request, *by, "-extfile", extensions, "-out", signed)
        return key, signed

    def _request(self, key: Path, name: str, *options: str) -> None:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        _openssl("req", *curve, "-subj", f"/CN={name}", "-keyout", key, *options)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Security:
    """Listeners of one broker: `sasl` (SASL over TLS) and `mutual_tls` (certificates both ways)."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self._ports = {"SECURED": free_port(), "MUTUAL": free_port()}
        self.sasl, self.mutual_tls = (f"{_NAME}:{port}" for port in self._ports.values())
        key, certificate = self.authority.issue("broker")
        self._keystore = folder / "broker-keystore.pem"
        self._keystore.write_bytes(key.read_bytes() + certificate.read_bytes())

    def properties(self, plain: str, controller: str) -> dict[str, str]:
        """What is added to `server.properties`; `plain` and `controller` are `host:port`."""
        bound, advertised = (
            ",".join(f"{name}://{host}:{port}" for name, port in self._ports.items())
            for host in ("127.0.0.1", _NAME)
        )
        login = "org.apache.kafka.common.security"
        return {
            "listeners": f"PLAINTEXT://{plain},CONTROLLER://{controller},{bound}",
            "advertised.listeners": f"PLAINTEXT://{plain},{advertised}",
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL,MUTUAL:SSL"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.certificate),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/,DEFAULT",
            "listener.name.secured.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
            "listener.name.secured.plain.sasl.jaas.config": (
                f"{login}.plain.PlainLoginModule required user_{PLAIN_USER}={PLAIN_PASSWORD!r};"
            ).replace("'", '"'),
            "listener.name.secured.scram-sha-512.sasl.jaas.config": (
                f"{login}.scram.ScramLoginModule required;"
            ),
            # Tokens without a signature: what is tested is how our side gets and sends one.
            "listener.name.secured.oauthbearer.sasl.jaas.config": (
                f"{login}.oauthbearer.OAuthBearerLoginModule required "
                'unsecuredLoginStringClaim_sub="broker";'
            ),
        }
