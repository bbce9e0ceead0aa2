import threading

from consumer.pipeline.workers import Workers

PATIENCE_S = 10.0


def test_one_thread_works_in_order() -> None:
    workers, done, seen = Workers(1, "one"), threading.Event(), list[int]()
    for number in range(100):
        workers.submit(lambda number=number: seen.append(number))  # type: ignore[misc]
    workers.submit(done.set)
    assert done.wait(PATIENCE_S)
    assert seen == list(range(100))
    workers.close()


def test_as_many_at_once_as_there_are_threads() -> None:
    workers, together, done = Workers(3, "three"), threading.Barrier(3), threading.Semaphore(0)

    def meet() -> None:
        together.wait(PATIENCE_S)
        done.release()

    for _ in range(3):
        workers.submit(meet)
    assert all(done.acquire(timeout=PATIENCE_S) for _ in range(3))
    workers.close()


def test_closing_drops_what_has_not_begun_and_ends_the_threads() -> None:
    begun, go_on, seen = threading.Event(), threading.Event(), list[str]()

    def first() -> None:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        seen.append("first")

    workers = Workers(1, "ending")
    workers.submit(first)
    workers.submit(lambda: seen.append("second"))
    assert begun.wait(PATIENCE_S)
    workers.close()
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("ending"):
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
    assert seen == ["first"]
