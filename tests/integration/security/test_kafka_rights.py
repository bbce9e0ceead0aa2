"""The service with exactly the rights that the operator's guide lists, and with one fewer."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import deploy
from consumer.errors import ExitCode
from tests.integration.security.secured import Right, SecuredKafka, as_client, named
from tests.service.installation import Installation
from tests.service.process import ServiceProcess

pytestmark = pytest.mark.parts

GUIDE = Path(deploy.__file__ or "").parent / "README.md"
CHUNKS = 3


def _listed() -> dict[Right, str]:
    """The rights of the guide's table, and what each is for."""
    rows = re.findall(
        r"^\| (TOPIC|GROUP|TRANSACTIONAL_ID) \| `(\S+)` \| (\w+) \| (\w+)",
        GUIDE.read_text(),
        re.MULTILINE,
    )
    return {(resource, name, operation): use for resource, name, operation, use in rows}


RIGHTS = [right for right, use in _listed().items() if use == "run"]


@pytest.fixture
def installation(secured: SecuredKafka, unique: str, tmp_path: Path) -> Installation:
    """Three chunks and a record that is none, so that there is something to write everywhere."""
    made = Installation(secured.bootstrap, unique, tmp_path)
    made.publish(*(made.chunk(number) for number in range(CHUNKS)))
    made.publish_raw((b"k", b"junk"))
    return made


def _principal(
    secured: SecuredKafka, installation: Installation, rights: list[Right]
) -> dict[str, str]:
    """Settings of a service whose principal has these rights and no other."""
    user = installation.name
    settings = as_client(secured.security.sasl, secured.scram(user))
    secured.grant(user, named(rights, installation.topics, installation.name, "0"))
    return {**installation.environment, **settings}


def _check(environment: Mapping[str, str]) -> tuple[int, str]:
    run = subprocess.run(
        [sys.executable, "-m", "consumer", "check"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


def test_the_guide_lists_a_right_for_every_topic_the_group_and_the_transactions() -> None:
    assert len(RIGHTS) == 7


def test_the_listed_rights_are_enough(
    secured: SecuredKafka, installation: Installation, tmp_path: Path
) -> None:
    environment = _principal(secured, installation, RIGHTS)
    with ServiceProcess(environment, tmp_path / "log") as service:
        assert len(installation.await_results(CHUNKS + 1)) == CHUNKS + 1
        installation.await_committed(CHUNKS + 1)
        assert service.terminate() == ExitCode.OK
    small = {"SPEAKERSTREAM_MAX_DEAD_LETTER_BYTES": "1000000"}
    code, said = _check({**environment, **small})
    assert code == ExitCode.OK, said
    assert "without DESCRIBE_CONFIGS" in said


@pytest.mark.parametrize("missing", RIGHTS, ids=lambda right: f"{right[2]} on {right[1]}")
def test_with_one_right_fewer_the_last_words_name_it(
    secured: SecuredKafka, installation: Installation, tmp_path: Path, missing: Right
) -> None:
    rest = [right for right in RIGHTS if right != missing]
    [(resource, name, operation)] = named([missing], installation.topics, installation.name, "0")
    setting = {"GROUP": "group_id", "TRANSACTIONAL_ID": "group_id.instance_id"}
    environment = _principal(secured, installation, rest)
    with ServiceProcess(environment, tmp_path / "log") as service:
        assert service.wait() == ExitCode.KAFKA
        last = service.said()
    assert re.search(
        rf'"message": "the broker refuses this principal {operation} on .*'
        rf"{re.escape(setting.get(resource, name))}: grant it",
        last,
    ), last[-3000:]
    if resource != "TRANSACTIONAL_ID":  # asking for it would fence whoever runs
        code, said = _check(environment)
        assert code == ExitCode.SETTINGS
        assert f"lacks {operation} on the {resource.lower()} {name}" in said


def test_a_wrong_password_is_told_from_an_absent_broker(
    secured: SecuredKafka, installation: Installation
) -> None:
    properties = {**secured.scram(installation.name), "sasl.password": "wrong"}
    code, said = _check(
        {**installation.environment, **as_client(secured.security.sasl, properties)}
    )
    assert code == ExitCode.SETTINGS
    assert "check the sasl.* properties" in said


def test_a_stranger_to_the_brokers_authority_is_told_so(
    secured: SecuredKafka, installation: Installation
) -> None:
    properties = secured.scram(installation.name)
    del properties["ssl.ca.location"]
    code, said = _check(
        {**installation.environment, **as_client(secured.security.sasl, properties)}
    )
    assert code == ExitCode.SETTINGS
    assert "check security.protocol and the ssl.* properties" in said
