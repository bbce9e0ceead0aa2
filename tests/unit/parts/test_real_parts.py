"""A missing real part is skipped by name, and fails the run where all parts are required."""

import pytest

pytest_plugins = ["pytester"]

TWO_PARTS = """
    def test_with_a_broker(real_parts):
        real_parts.need("some broker", None)

    def test_with_a_store(real_parts):
        real_parts.need("some store", "no `store` on PATH")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test run of its own, with the plugin and nothing else of this project."""
    monkeypatch.delenv("REQUIRE_REAL_PARTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("pytest_plugins = ['tests.brokers.parts']")
    return pytester


def test_a_missing_part_is_skipped_by_name(run: pytest.Pytester) -> None:
    run.makepyfile(TWO_PARTS)
    result = run.runpytest("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*real parts that were not there: some store (no `store` on PATH)",
            "SKIPPED*real part not there: some store (no `store` on PATH)",
        ]
    )
    assert result.ret == pytest.ExitCode.OK


def test_a_missing_part_fails_where_all_are_required(
    run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_REAL_PARTS", "1")
    run.makepyfile(TWO_PARTS)
    result = run.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*REQUIRE_REAL_PARTS is set, but some store is not there*"])
    result.stdout.fnmatch_lines(["*real parts that were not there: some store*"])


def test_a_missing_part_of_a_fixture_fails_too(
    run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_REAL_PARTS", "1")
    run.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session")
        def store(real_parts):
            real_parts.need("some store", "no `store` on PATH")

        def test_with_a_store(store):
            pass
        """
    )
    result = run.runpytest()
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("value", ["", "0"])
def test_parts_are_not_required_by_an_empty_setting(
    run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("REQUIRE_REAL_PARTS", value)
    run.makepyfile(TWO_PARTS)
    run.runpytest().assert_outcomes(passed=1, skipped=1)


def test_the_summary_says_that_all_parts_were_there(run: pytest.Pytester) -> None:
    run.makepyfile("def test_it(real_parts): real_parts.need('some broker', None)")
    run.runpytest().stdout.fnmatch_lines(["all real parts were there: some broker"])


def test_the_summary_is_silent_when_no_part_was_asked_for(run: pytest.Pytester) -> None:
    run.makepyfile("def test_it(): pass")
    run.runpytest().stdout.no_fnmatch_line("*real parts*")


def test_the_summary_holds_what_every_process_found(run: pytest.Pytester) -> None:
    run.makepyfile(TWO_PARTS)
    result = run.runpytest("-p", "xdist.plugin", "-n", "2", "--dist", "load", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*real parts that were not there: some store (no `store` on PATH)",
            "SKIPPED*real part not there: some store (no `store` on PATH)",
        ]
    )
