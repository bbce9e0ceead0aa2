"""Which waiting waveforms share a forward pass."""

from collections.abc import Sequence

from consumer.pipeline.job import Job

_MOST_PADDING = 0.25  # of a batch's frames: beyond it, padding costs more than a second pass


def choose(ready: Sequence[Job], max_batch_samples: int) -> list[Job]:
    """The oldest job, and the mates nearest to it in length that fit beside it.

    Bounded by padded size (jobs x longest) and by the share of padding, so that a batch costs
    what its audio costs.
    """
    first = min(ready, key=lambda job: job.number)
    length = _samples(first)
    batch = [first]
    shortest = longest = length
    total = length
    for job in sorted(ready, key=lambda job: (abs(_samples(job) - length), job.number)):
        if job is first:
            continue
        samples = _samples(job)
        low, high = min(shortest, samples), max(longest, samples)
        padded = high * (len(batch) + 1)
        if padded > max_batch_samples or padded - total - samples > _MOST_PADDING * padded:
            break
        batch.append(job)
        shortest, longest, total = low, high, total + samples
    return batch


def _samples(job: Job) -> int:
    assert job.waveform is not None
    return len(job.waveform)
