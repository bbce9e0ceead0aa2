"""The attention of NeMo's Sortformer, in forms that cost less: same functions, same weights.

For inference without a cache of earlier frames. In bf16 a CPU is quicker at two products with a
softmax between them than at torch's fused kernel, which computes in fp32; everywhere else the fused
kernel is the quicker one.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

_HIDDEN = -10_000.0  # NeMo's score of what must not be attended to


def replace_attention(model: nn.Module) -> None:
    """Put the forms below in the place of NeMo's, everywhere in `model`."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            kind = type(child)
            replacement = _REPLACEMENTS.get(f"{kind.__module__}.{kind.__name__}")
            if replacement is not None:
                setattr(parent, name, replacement(child).eval())


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """softmax(query key^T + bias) value, all (rows, heads, frames, .); `query` is scaled."""
    if query.dtype != torch.bfloat16 or query.device.type != "cpu":
        return scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
    rows, heads, frames, width = query.shape
    left = query.reshape(rows * heads, frames, width)
    right = key.reshape(rows * heads, -1, width).transpose(1, 2)
    if bias is None:
        scores = torch.bmm(left, right)
    else:
        biases = bias.expand(rows, heads, frames, right.shape[2]).flatten(0, 1)
        scores = torch.baddbmm(biases, left, right)
    weights = scores.softmax(dim=2)
    return torch.bmm(weights, value.reshape(rows * heads, -1, width)).view_as(query)


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
        channels), `mask` (rows, frames, frames), True for what must not be attended to.
        """
        assert cache is None, "made for whole chunks"
        queries = self._split(self._query(query))
        keys, values = (
            self._split(self._key(key)).transpose(1, 2),
            self._split(self._value(value)).transpose(1, 2),
        )
        positions = self._split(self._position(pos_emb)).transpose(1, 2)
        content, position = (
            ((queries + bias) * self._scale).to(queries.dtype).transpose(1, 2)
            for bias in (self._content_bias, self._position_bias)
        )
        bias = _shifted(torch.matmul(position, positions.transpose(2, 3)))
        if mask is not None:
            bias = bias.masked_fill(mask[:, None], _HIDDEN)
        with torch.autocast(query.device.type, enabled=False):
            found = _attend(content, keys, values, bias)
        answer: Tensor = self._out(found.transpose(1, 2).flatten(2))
        return answer

    def _split(self, projected: Tensor) -> Tensor:
        rows, frames, _ = projected.shape
        return projected.view(rows, frames, self._heads, self._width)


def _shifted(scores: Tensor) -> Tensor:
    """Scores by distance -> scores by frame: (.., frames, 2 x frames - 1) -> (.., frames, frames).

    Distances count down from frames - 1, so frame i finds its frame j at frames - 1 - i + j: a view
    whose rows begin one sooner each.
    """
    scores = scores.contiguous()
    rows, heads, frames, distances = scores.shape
    strides = (heads * frames * distances, frames * distances, distances - 1, 1)
    return scores.as_strided((rows, heads, frames, frames), strides, frames - 1)


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
            layer(states).unflatten(2, (self._heads, self._width)).transpose(1, 2)
            for layer, states in (
                (self._query, queries),
                (self._key, keys),
                (self._value, values),
            )
        )
        with torch.autocast(queries.device.type, enabled=False):
            bias = None if attention_mask is None else attention_mask.to(query.dtype)
            found = _attend(query * self._scale, key, value, bias)
        return self._out(found.transpose(1, 2).flatten(2)), {}


_ASR = "nemo.collections.asr"
_REPLACEMENTS: dict[str, Callable[[Any], nn.Module]] = {
    f"{_ASR}.parts.submodules.multi_head_attention.RelPositionMultiHeadAttention": (
        RelativeAttention
    ),
    f"{_ASR}.modules.transformer.transformer_modules.MultiHeadAttention": HeadAttention,
}
