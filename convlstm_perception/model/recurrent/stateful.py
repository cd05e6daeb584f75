"""A recurrent stack that remembers from one call to the next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from convlstm_perception.model.recurrent.stack import RecurrentStack, StackState


class Stateful(nn.Module):
    """Runs a stack over a stream that comes in pieces, each call going on where the last ended.

    The state is kept without its gradient: training through it is truncated at each call
    (truncated backpropagation through time). It is not part of the ``state_dict``.

    Args:
        stack: of one direction, for a backward one would need the end of the stream.

    Raises:
        ValueError: ``stack`` is bidirectional.
    """

    def __init__(self, stack: RecurrentStack[Any]) -> None:
        super().__init__()
        if stack.directions != 1:
            raise ValueError("stack: a bidirectional one cannot run over a stream")
        self.stack = stack
        self.state: StackState | None = None

    def forward(self, inputs: Tensor, **signals: Tensor | None) -> Tensor:
        """The hidden states of the next frames; arguments as of the stack.

        Raises:
            ValueError: the batch, the size or the type of the frames is not that of the state; see
                :meth:`reset`.
        """
        outputs, state = self.stack.run(inputs, self.state, **signals)
        self.state = tuple(tensor.detach() for tensor in state)
        return outputs

    def reset(self, samples: Tensor | None = None) -> None:
        """Forget the state, of all samples or of those where (B,) booleans are true."""
        if samples is None or self.state is None:
            self.state = None
            return
        self.state = tuple(
            torch.where(samples.view(-1, *[1] * (tensor.dim() - 1)), 0.0, tensor)
            for tensor in self.state
        )
