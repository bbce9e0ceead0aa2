"""The contract of a subscriber that links online, on results in every order a topic can have."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from producer_tools.labels.online import OnlineLinker, SpeakerLabels
from producer_tools.linking import link
from schemas.records import ChunkResult, Fingerprint, Models, Source, Thresholds

NOW = datetime(2026, 1, 1, tzinfo=UTC)
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def result(
    chunk: int,
    *voices: tuple[float, ...],
    age: int = 0,
    failed: bool = False,
    model: str = "m",
    recording: str = "r",
    speech_s: float = 5.0,
) -> ChunkResult:
    return ChunkResult(
        event_id=f"e{chunk}-{age}",
        result_id=f"{chunk}-{model}",
        recording_id=recording,
        chunk_id=f"c{chunk}",
        sequence=chunk,
        start_s=30.0 * chunk,
        status="failed" if failed else "diarized",
        reason="truncated_audio" if failed else None,
        attempts=1,
        fingerprints=tuple(
            Fingerprint(speaker=f"Speaker_{n}", embedding=e, speech_s=speech_s, clean=True, norm=1)
            for n, e in enumerate(voices)
        ),
        models=Models(diarization="d", embedding=model),
        thresholds=Thresholds(same_voice_cosine=0.5),
        source=Source(topic="in", partition=0, offset=age),
        processed_at=NOW + timedelta(seconds=age),
    )


def says(chunk: int, *names: str, model: str = "m") -> SpeakerLabels:
    labels = {f"Speaker_{n}": name for n, name in enumerate(names)}
    return SpeakerLabels("r", f"c{chunk}", f"{chunk}-{model}", labels)


def test_chunks_are_labelled_as_they_come() -> None:
    linker = OnlineLinker()
    assert linker.add(result(0, X, Y)) == (says(0, "Voice_0", "Voice_1"),)
    assert linker.add(result(1, Y, X)) == (says(1, "Voice_1", "Voice_0"),)
    assert linker.add(result(2)) == (says(2),)  # silence
    assert linker.add(result(3, Z)) == (says(3, "Voice_2"),)


def test_names_stay_when_an_earlier_chunk_comes_late() -> None:
    linker = OnlineLinker()
    assert linker.add(result(5, X)) == (says(5, "Voice_0"),)
    assert linker.add(result(0, Y, X)) == (says(0, "Voice_1", "Voice_0"),)


def test_a_repeat_and_a_superseded_result_say_nothing() -> None:
    linker = OnlineLinker()
    linker.add(result(0, X, age=5))
    assert linker.add(result(0, X, age=5)) == ()
    assert linker.add(result(0, Y, age=4)) == ()
    assert linker.add(result(0, X, age=6)) == ()  # published twice: the same ids, later
    assert linker.add(result(1, X, age=7)) == (says(1, "Voice_0"),)


def test_a_newer_result_replaces_and_a_failure_removes() -> None:
    linker = OnlineLinker()
    linker.add(result(0, X))
    linker.add(result(1, X))
    assert linker.add(result(1, Y, age=1)) == (says(1, "Voice_1"),)
    assert linker.add(result(1, age=2, failed=True)) == (says(1),)
    assert linker.add(result(1, X, age=3, model="n")) == (says(1, "Voice_2", model="n"),)


def test_a_chunk_that_joins_two_voices_corrects_what_was_said() -> None:
    near_x, near_y = (0.9, 0.43589, 0.0), (0.43589, 0.9, 0.0)
    between = (0.70711, 0.70711, 0.0)
    linker = OnlineLinker(threshold=0.8)
    assert linker.add(result(0, near_x)) == (says(0, "Voice_0"),)
    assert linker.add(result(1, near_y)) == (says(1, "Voice_1"),)  # cosine 0.78
    # 0.94 to both, and then 0.86 between the three: all are one, and chunk 1 was wrong.
    assert linker.add(result(2, between)) == (says(1, "Voice_0"), says(2, "Voice_0"))


def test_a_voice_of_little_speech_is_taken_back_when_a_long_one_comes_that_is_not_like_it() -> None:
    linker = OnlineLinker()
    assert linker.add(result(0, X, speech_s=1.0)) == (says(0, "Voice_0"),)  # nobody spoke longer
    assert linker.add(result(1, Y)) == (says(0), says(1, "Voice_1"))
    assert linker.add(result(2, X)) == (says(0, "Voice_2"), says(2, "Voice_2"))


def test_recordings_are_apart_and_old_ones_forgotten() -> None:
    linker = OnlineLinker(keep=timedelta(seconds=10))
    linker.add(result(0, X, recording="other"))
    linker.add(result(0, X, age=0))
    linker.add(result(1, Y, age=9))
    assert linker.add(result(2, Y, age=18)) == (says(2, "Voice_1"),)  # news kept it
    assert linker.add(result(3, Y, age=29)) == (says(3, "Voice_0"),)  # begun anew


def test_an_event_that_could_not_be_read_has_no_chunk_to_label() -> None:
    unreadable = result(-1, failed=True)
    object.__setattr__(unreadable, "chunk_id", "")
    assert OnlineLinker().add(unreadable) == ()


vectors = st.sampled_from(
    [X, Y, Z, (0.8, 0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.6, 0.8), (0.6, 0.0, 0.8)]
)
streams = st.lists(
    st.builds(
        lambda chunk, voices, age, failed, speech_s: result(
            chunk, *([] if failed else voices), age=age, failed=failed, speech_s=speech_s
        ),
        st.integers(0, 4),
        st.lists(vectors, max_size=3),
        st.integers(0, 5),
        st.booleans(),
        st.sampled_from([1.0, 5.0]),
    ),
    max_size=12,
    unique_by=lambda r: (r.chunk_id, r.processed_at),
).flatmap(lambda rs: st.lists(st.sampled_from(rs), max_size=20) if rs else st.just([]))


@given(streams)
def test_in_the_end_it_is_what_link_says(stream: list[ChunkResult]) -> None:
    """The last label of every chunk, against `link()` over everything, up to names."""
    linker = OnlineLinker()
    last: dict[str, SpeakerLabels] = {}
    for event in stream:
        for news in linker.add(event):
            assert last.get(news.chunk_id) != news, "said twice"
            last[news.chunk_id] = news
    assert last.keys() == {event.chunk_id for event in stream}

    found = defaultdict(set)
    for chunk, labels in last.items():
        for speaker, voice in labels.labels.items():
            found[voice].add((chunk, speaker))
    expected = [
        {(member.chunk_id, member.speaker) for member in members}
        for members in link(stream).members("r").values()
    ]
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, expected))


@given(streams)
def test_the_same_results_give_the_same_labels(stream: list[ChunkResult]) -> None:
    one, two = OnlineLinker(), OnlineLinker()
    assert [one.add(event) for event in stream] == [two.add(event) for event in stream]
