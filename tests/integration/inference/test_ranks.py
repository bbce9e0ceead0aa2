"""Several processes train as one: the mean of their gradients, the first one's weights."""

from pathlib import Path

import pytest
import torch
from torch.multiprocessing.spawn import ProcessRaisedException

from deploy.checkpoints import ranks


def test_every_process_gets_the_mean_of_the_gradients(tmp_path: Path) -> None:
    def work() -> None:
        heard, silent = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
        heard.grad = torch.tensor([1.0, 10.0 * ranks.number()])
        ranks.average([silent, heard])
        assert silent.grad is None
        torch.save((heard.grad, ranks.many()), tmp_path / str(ranks.number()))

    ranks.together(2, work)
    for number in range(2):
        gradient, many = torch.load(tmp_path / str(number))
        assert gradient.tolist() == [1.0, 5.0]
        assert many == 2


def test_every_process_gets_the_weights_of_the_first(tmp_path: Path) -> None:
    def work() -> None:
        module = torch.nn.Linear(1, 1, bias=False)
        module.weight.data.fill_(7.0 if ranks.number() == 0 else 3.0)
        ranks.share(module)
        torch.save(module.weight.item(), tmp_path / str(ranks.number()))

    ranks.together(2, work)
    assert [torch.load(tmp_path / str(number)) for number in range(2)] == [7.0, 7.0]


def test_one_process_is_this_one() -> None:
    done: list[int] = []
    ranks.together(1, lambda: done.append(ranks.number()))
    weights = torch.nn.Parameter(torch.zeros(1))
    weights.grad = torch.ones(1)
    ranks.average([weights])
    assert (done, ranks.many(), weights.grad.item()) == ([0], 1, 1.0)


def test_what_goes_wrong_in_one_process_is_raised() -> None:
    def work() -> None:
        if ranks.number() == 1:
            raise ValueError("this one cannot")

    with pytest.raises(ProcessRaisedException, match="this one cannot"):
        ranks.together(2, work)
