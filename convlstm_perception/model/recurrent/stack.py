"""Layers of recurrent cells over a sequence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeAlias, TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from convlstm_perception.model.recurrent.cell import RecurrentCell
from convlstm_perception.model.recurrent.signals import Signals
from convlstm_perception.model.recurrent.state import State, choose

PerLayer: TypeAlias = "int | Sequence[int]"
StackState: TypeAlias = "tuple[Tensor, ...]"

_REUSED_BYTES = 24 * 2**20


class StackOptions(TypedDict, total=False):
    """What a stack is told by keyword; see :class:`RecurrentStack`."""

    stride: PerLayer
    bidirectional: bool
    dropout: float
    batch_first: bool
    return_state: bool
    recompute: bool
    double_backward: bool


class RecurrentStack(nn.Module, Generic[State]):
    """A stack of recurrent layers over a sequence (B, T, C, *space).

    ``forward`` returns the last layer's hidden states and the state after the last step: one flat
    tuple of every layer's tensors, from which a later call goes on.

    Args:
        input_channels: channels of each frame.
        hidden_channels: of each layer, from the first to the last.
        kernel_size: of every layer, or one for each.
        stride: of every layer's input convolution, or one for each.
        bidirectional: let a second cell in each layer read the sequence from its end; the hidden
            states of both are joined, forward ones first.
        dropout: share of the values between layers that are zeroed in training.
        batch_first: sequences are (B, T, ...); else (T, B, ...), which saves a copy.
        return_state: return the state as well; without it a stack fits into ``nn.Sequential``.
        recompute: in training, keep the states at about sqrt(T) steps and compute the steps between
            them a second time in the backward pass (Chen et al. 2016, "Training Deep Nets with
            Sublinear Memory Cost"): less memory, a third more time.
        double_backward: in training let autograd follow every step, so that gradients have
            gradients. Else a layer's derivatives are written out, where its options allow it:
            faster, and differentiable once (see :mod:`~convlstm_perception.model.recurrent.scan`).
        options: of every cell.

    Raises:
        ValueError: an option is unknown or does not go with the others.
    """

    cell_type: ClassVar[Callable[..., RecurrentCell[Any]]]

    def __init__(
        self,
        input_channels: int,
        hidden_channels: Sequence[int],
        kernel_size: PerLayer = 3,
        *,
        stride: PerLayer = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        batch_first: bool = True,
        return_state: bool = True,
        recompute: bool = False,
        double_backward: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        if not hidden_channels:
            raise ValueError("hidden_channels: give at least one layer")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"dropout: {dropout} is not in [0, 1)")
        layers = len(hidden_channels)
        kernels = _per_layer("kernel_size", kernel_size, layers)
        strides = _per_layer("stride", stride, layers)
        self.directions = 2 if bidirectional else 1
        self.dropout, self.batch_first, self.return_state = dropout, batch_first, return_state
        self.recompute, self.double_backward = recompute, double_backward
        self.dimensions: int = options.get("dimensions", 2)
        widths = [input_channels, *(self.directions * width for width in hidden_channels)]
        self.cells = nn.ModuleList(
            self.cell_type(
                widths[layer],
                hidden_channels[layer],
                kernels[layer],
                stride=strides[layer],
                **options,
            )
            for layer in range(layers)
            for _ in range(self.directions)
        )

    def state_names(self) -> tuple[str, ...]:
        """A name for each tensor of the state, in its order: ``hidden_1``, ``cell_1``, ..."""
        suffixes = ("", "_backward")[: self.directions]
        return tuple(
            f"{part}_{layer + 1}{suffix}"
            for layer in range(len(self.cells) // self.directions)
            for suffix in suffixes
            for part in self._cell(0).recurrence.state_type._fields
        )

    def forward(
        self,
        inputs: Tensor,
        state: StackState | None = None,
        *,
        dt: Tensor | None = None,
        reset: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, StackState]:
        """Run the sequence.

        Args:
            inputs: (B, T, input_channels, *space).
            state: to go on from, as returned; None is the zero state.
            dt: (B, T) seconds since the step before, of cells with time gates; None is 0, and
                so is where a new sequence begins.
            reset: (B, T) booleans, true where a new sequence begins in a sample: its state is
                zeroed before that step.
            mask: (B, T) booleans, false where there is no frame: the state stays as it is, and the
                hidden state answered is 0. Sequences of several lengths are padded at the end and
                masked there (:func:`mask_of_lengths`); the state returned is then that after each
                one's last frame.

        Returns:
            The last layer's hidden states (B, T, channels, *space), channels being the last of
            ``hidden_channels``, twice that of a bidirectional stack. With ``return_state`` also the
            state, one tensor for each of :meth:`state_names`.

        Raises:
            ValueError: a shape does not fit.
        """
        outputs, after = self.run(inputs, state, dt=dt, reset=reset, mask=mask)
        return (outputs, after) if self.return_state else outputs

    def run(
        self,
        inputs: Tensor,
        state: StackState | None = None,
        *,
        dt: Tensor | None = None,
        reset: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, StackState]:
        """As :meth:`forward`, and always with the state."""
        self._check(inputs, state)
        sequence = inputs.transpose(0, 1) if self.batch_first else inputs
        steps, batch = sequence.shape[:2]
        signals = Signals.of(steps, batch, self.batch_first, dt=dt, reset=reset, mask=mask)
        after: list[Tensor] = []
        for layer in range(0, len(self.cells), self.directions):
            if layer and self.dropout:
                sequence = functional.dropout(sequence, self.dropout, self.training)
            forward, final = self._run(layer, sequence, state, signals)
            after += final
            if self.directions == 2:
                reverse, final = self._run(layer + 1, sequence.flip(0), state, signals.backward())
                after += final
                forward = torch.cat([forward, reverse.flip(0)], dim=2)
            sequence = forward
        outputs = sequence.transpose(0, 1) if self.batch_first else sequence
        return outputs, tuple(after)

    def _run(
        self, index: int, inputs: Tensor, states: StackState | None, signals: Signals
    ) -> tuple[Tensor, State]:
        """A cell over (T, B, C, *space), from its part of all states."""
        cell = self._cell(index)
        state: State | None = None
        if states is not None:
            parts = len(cell.recurrence.state_type._fields)
            state = cell.recurrence.state_type(*states[parts * index : parts * (index + 1)])
        fused = not self.double_backward
        run = partial(run_cell, cell, fused=fused)
        recompute = self.recompute and torch.is_grad_enabled()
        steps = length = len(inputs)
        if recompute:
            length = math.isqrt(steps - 1) + 1
        elif not (fused and _takes_whole(cell, inputs, signals)):
            length = _steps_at_once(cell, inputs)
        if length >= steps:
            return run(inputs, state, signals)
        pieces = []
        for start in range(0, steps, length):
            stop = min(start + length, steps)
            part = (inputs[start:stop], state, signals.part(start, stop))
            if recompute:
                hidden, state = checkpoint(run, *part, use_reentrant=False)
            else:
                hidden, state = run(*part)
            pieces.append(hidden)
        assert state is not None
        return torch.cat(pieces), state

    def _cell(self, index: int) -> RecurrentCell[State]:
        cell = self.cells[index]
        assert isinstance(cell, RecurrentCell)
        return cell

    def _check(self, inputs: Tensor, state: StackState | None) -> None:
        if inputs.dim() != self.dimensions + 3:
            order = "(B, T, C, " if self.batch_first else "(T, B, C, "
            space = ("L", "H, W", "D, H, W")[self.dimensions - 1]
            raise ValueError(f"inputs: expected {order}{space}), got shape {tuple(inputs.shape)}")
        if not inputs.shape[0] or not inputs.shape[1]:
            raise ValueError(f"inputs: no frame in shape {tuple(inputs.shape)}")
        names = self.state_names()
        if state is not None and len(state) != len(names):
            raise ValueError(
                f"state: expected one flat tuple of {len(names)} ({', '.join(names)}), got "
                f"{len(state)}"
            )


def run_cell(
    cell: RecurrentCell[State],
    inputs: Tensor,
    state: State | None,
    signals: Signals,
    *,
    fused: bool = True,
) -> tuple[Tensor, State]:
    """One layer over a sequence.

    The input-to-state convolution does not depend on the state: it is done for all steps in one
    call.

    Args:
        cell: of the layer.
        inputs: (T, B, C, *space).
        state: before the first step; None is the zero state.
        signals: that go with the inputs.
        fused: take written-out derivatives where the cell's options allow it.

    Returns:
        The hidden states (T, B, hidden, *space) and the state after the last step.
    """
    steps, batch = inputs.shape[:2]
    if fused and _takes_whole(cell, inputs, signals):
        return cell.whole(inputs, state)
    frames = _fastest_layout(inputs.flatten(0, 1))
    dt = None if signals.dt is None else signals.dt.flatten()
    input_to_state = cell.input_gates(frames, dt)
    recurrence = cell.recurrence
    plain = signals.reset is None and signals.mask is None
    if fused and plain and recurrence.scannable() and _is_eager(inputs):
        return recurrence.scan(input_to_state, steps, state)
    by_step = input_to_state.unflatten(0, (steps, batch)).unbind(0)
    if state is None:
        state = recurrence.zero_state(by_step[0])
    resets = [None] * steps if signals.reset is None else signals.reset.unbind(0)
    masks = [None] * steps if signals.mask is None else signals.mask.unbind(0)
    hidden_states = []
    for gates, reset, present in zip(by_step, resets, masks, strict=True):
        if reset is not None:
            state = choose(~reset, state, recurrence.zero_state(gates))
        after = recurrence(gates, state)
        if present is None:
            hidden_states.append(after.hidden)
            state = after
        else:
            zeros = recurrence.zero_state(gates)
            hidden_states.append(choose(present, after, zeros).hidden)
            state = choose(present, after, state)
    return torch.stack(hidden_states), state


def _is_eager(inputs: Tensor) -> bool:
    """Whether nobody records what is done, and every value has the precision it was given."""
    return not (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # type: ignore[attr-defined]
        or torch.is_autocast_enabled(inputs.device.type)
    )


def _takes_whole(cell: RecurrentCell[Any], inputs: Tensor, signals: Signals) -> bool:
    """Whether the cell has a faster way for a sequence whose steps are all alike."""
    signalled = (signals.dt, signals.reset, signals.mask)
    plain = all(signal is None for signal in signalled)
    return plain and _is_eager(inputs) and cell.has_whole(inputs)


def _fastest_layout(frames: Tensor) -> Tensor:
    """(N, C, H, W) with the channels last in memory, where CPUs convolve that 1.5 times faster."""
    if frames.dim() != 4 or frames.device.type != "cpu" or not _is_eager(frames):
        return frames
    return frames.contiguous(memory_format=torch.channels_last)


def _steps_at_once(cell: RecurrentCell[Any], inputs: Tensor) -> int:
    """How many steps' input-to-state tensors to make in one call: all of them.

    Fewer on a CPU where no gradients are wanted and one tensor of all would be large: the C library
    gives memory of 32 MiB and more back to the system and asks for it anew, page by page, which
    takes as long as half of the convolution.
    """
    steps, batch, _, *space = inputs.shape
    if torch.is_grad_enabled() or inputs.device.type != "cpu" or not _is_eager(inputs):
        return steps
    values = batch * cell.recurrence.input_features * math.prod(space)
    return max(1, _REUSED_BYTES // (values * inputs.element_size()))


def _per_layer(name: str, value: PerLayer, layers: int) -> list[int]:
    values = [value] * layers if isinstance(value, int) else list(value)
    if len(values) != layers:
        raise ValueError(f"{name}: {len(values)} given for {layers} layers")
    return values
