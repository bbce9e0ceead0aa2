"""The attention of NeMo's Sortformer, in forms that cost less: same functions, same weights.

For inference without a cache of earlier frames. In bf16 a CPU is quicker at two products with a
softmax between them than at torch's fused kernel, which computes in fp32; everywhere else the fused
kernel is the quicker one. A CPU takes few frames at a time: their scores stay in its caches, and
of the scores by distance those that are nobody's are hardly computed.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from consumer.inference.replacing import replace_modules

_HIDDEN = -10_000.0  # NeMo's score of what must not be attended to
_AT_ONCE_ON_CPU = 128  # frames that attend
# Distances that are kept projected: those of 160 s, 75 MB in bf16 at the published size. Projecting
# those of longer chunks is nothing beside their attention, and they would stay in memory.
_KEPT_DISTANCES = 4000


def replace_attention(model: nn.Module) -> None:
    """Put the forms below in the place of NeMo's, everywhere in `model`."""

    def instead(layer: nn.Module) -> nn.Module | None:
        kind = type(layer)
        replacement = _REPLACEMENTS.get(f"{kind.__module__}.{kind.__name__}")
        return None if replacement is None else replacement(layer)

    replace_modules(model, instead)


def _by_products(x: Tensor) -> bool:
    """Whether the fused kernel is the slower one for what is like `x`."""
    return x.dtype == torch.bfloat16 and x.device.type == "cpu"


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """softmax(query key^T + bias) value, all (rows, heads, frames, .); `query` is scaled."""
    if not _by_products(query):
        return scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
    rows, heads, frames, width = query.shape
    left = query.reshape(rows * heads, frames, width)
    right = key.transpose(2, 3).reshape(rows * heads, width, -1)
    if bias is None:
        scores = torch.bmm(left, right)
    else:
        biases = bias.expand(rows, heads, frames, right.shape[2]).flatten(0, 1)
        scores = torch.baddbmm(biases, left, right)
    weights = scores.softmax(dim=2)
    return torch.bmm(weights, value.reshape(rows * heads, -1, width)).view_as(query)


def _laid_out(key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Both (rows, frames, heads, .) -> (rows, heads, frames, .), in memory as products take them.

    Once for all pieces: every product would copy them again.
    """
    key, value = key.transpose(1, 2), value.transpose(1, 2)
    return (key.contiguous(), value.contiguous()) if _by_products(key) else (key, value)


def _pieces(frames: int, device: torch.device) -> list[slice]:
    """The frames that attend, cut into what is done at once."""
    at_once = _AT_ONCE_ON_CPU if device.type == "cpu" else frames
    return [slice(first, min(first + at_once, frames)) for first in range(0, frames, at_once)]


class RelativeAttention(nn.Module):
    """The encoder's `RelPositionMultiHeadAttention`.

    Source: Dai et al., "Transformer-XL", ACL 2019, section 3.3.
    """

    def __init__(self, original: Any) -> None:
        super().__init__()
        self._query, self._key, self._value = (
            original.linear_q,
            original.linear_k,
            original.linear_v,
        )
        self._position, self._out = original.linear_pos, original.linear_out
        self._heads, self._width = original.h, original.d_k
        self._scale = 1 / math.sqrt(original.d_k)
        self._content_bias, self._position_bias = original.pos_bias_u, original.pos_bias_v
        self._distances: Tensor | None = None

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        pos_emb: Tensor,
        cache: None = None,
    ) -> Tensor:
        """As NeMo's; rows of padding differ, and nothing is made of them.

        `query`, `key` and `value` are (rows, frames, channels), `pos_emb` (1, 2 x frames - 1,
        channels), the same whenever it has this length; `mask` is (rows, frames, frames), True for
        what must not be attended to.
        """
        assert cache is None, "made for whole chunks"
        queries = self._split(self._query(query))
        keys, values = _laid_out(self._split(self._key(key)), self._split(self._value(value)))
        distances = self._projected(pos_emb)
        content, position = (
            ((queries + bias) * self._scale).to(queries.dtype).transpose(1, 2)
            for bias in (self._content_bias, self._position_bias)
        )
        found = []
        with torch.autocast(query.device.type, enabled=False):
            for piece in _pieces(queries.shape[1], query.device):
                bias = _by_frame(position[:, :, piece], distances, piece)
                if mask is not None:
                    bias = bias.masked_fill(mask[:, None, piece], _HIDDEN)
                found.append(_attend(content[:, :, piece], keys, values, bias))
        answer: Tensor = self._out(torch.cat(found, dim=2).transpose(1, 2).flatten(2))
        return answer

    def _projected(self, pos_emb: Tensor) -> Tensor:
        """(1, heads, width, 2 x frames - 1); kept, as most chunks are as long as the last."""
        if self._distances is not None and self._distances.shape[3] == pos_emb.shape[1]:
            return self._distances
        made = self._split(self._position(pos_emb)).permute(0, 2, 3, 1).contiguous()
        self._distances = made if pos_emb.shape[1] <= _KEPT_DISTANCES else None
        return made

    def _split(self, projected: Tensor) -> Tensor:
        rows, frames, _ = projected.shape
        return projected.view(rows, frames, self._heads, self._width)


def _by_frame(position: Tensor, distances: Tensor, piece: slice) -> Tensor:
    """Scores of the `piece` of frames by the frame attended to: (rows, heads, piece, frames).

    Distances count down from frames - 1, so frame i finds its frame j at frames - 1 - i + j. Of the
    piece's products with the distances it has, the last frame's begin with the first; every other
    frame's begin one later than those of the frame after it: a view whose rows begin one sooner
    each.
    """
    frames = (distances.shape[3] + 1) // 2
    needed = distances[:, :, :, frames - piece.stop : 2 * frames - 1 - piece.start]
    scores = torch.matmul(position, needed).contiguous()
    rows, heads, asking, width = scores.shape
    strides = (heads * asking * width, asking * width, width - 1, 1)
    return scores.as_strided((rows, heads, asking, frames), strides, asking - 1)


class HeadAttention(nn.Module):
    """The `MultiHeadAttention` of the Transformer behind the encoder."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        self._query, self._key, self._value = (
            original.query_net,
            original.key_net,
            original.value_net,
        )
        self._out = original.out_projection
        self._heads, self._width = original.num_attention_heads, original.attn_head_size
        self._scale = 1 / math.sqrt(original.attn_head_size)

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, attention_mask: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """As NeMo's. The first three are (rows, frames, channels), the mask is added to scores."""
        query, key, value = (
            layer(states).unflatten(2, (self._heads, self._width))
            for layer, states in (
                (self._query, queries),
                (self._key, keys),
                (self._value, values),
            )
        )
        query = (query * self._scale).transpose(1, 2)
        key, value = _laid_out(key, value)
        with torch.autocast(queries.device.type, enabled=False):
            bias = None if attention_mask is None else attention_mask.to(query.dtype)
            found = [
                _attend(query[:, :, piece], key, value, bias)
                for piece in _pieces(query.shape[2], query.device)
            ]
        return self._out(torch.cat(found, dim=2).transpose(1, 2).flatten(2)), {}


_ASR = "nemo.collections.asr"
_REPLACEMENTS: dict[str, Callable[[Any], nn.Module]] = {
    f"{_ASR}.parts.submodules.multi_head_attention.RelPositionMultiHeadAttention": (
        RelativeAttention
    ),
    f"{_ASR}.modules.transformer.transformer_modules.MultiHeadAttention": HeadAttention,
}
