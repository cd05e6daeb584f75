"""Sequences: states to go on from, beginnings, gaps, lengths, directions, memory."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest
import torch
from torch import Tensor, nn

from convlstm_perception.model import (
    ConvGRU,
    ConvGRUCell,
    ConvLSTM,
    ConvLSTMCell,
    Stateful,
    mask_of_lengths,
)
from convlstm_perception.model.recurrent.gru import ConvGRUStackOptions
from convlstm_perception.model.recurrent.lstm import ConvLSTMStackOptions
from convlstm_perception.model.recurrent.stack import RecurrentStack

STACKS = (ConvLSTM, ConvGRU)


def make(stack: type[RecurrentStack[Any]] = ConvLSTM, **options: Any) -> RecurrentStack[Any]:
    torch.manual_seed(1)
    layers = stack(3, [4, 5], **options)
    for parameter in layers.parameters():
        nn.init.normal_(parameter, std=0.3)
    return layers


def frames(batch: int = 2, steps: int = 6) -> Tensor:
    torch.manual_seed(2)
    return torch.randn(batch, steps, 3, 8, 7)


@pytest.mark.parametrize("recurrence", ["dense", "depthwise"])
@pytest.mark.parametrize("stack", STACKS)
def test_a_sequence_can_be_cut_and_resumed(
    stack: type[RecurrentStack[Any]], recurrence: str
) -> None:
    layers = make(stack, recurrence=recurrence)
    whole, final = layers(frames())
    first, state = layers(frames()[:, :2])
    second, resumed = layers(frames()[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(resumed, final)
    assert whole.shape == (2, 6, 5, 8, 7)
    assert [tuple(part.shape) for part in final] == [
        (2, width, 8, 7) for width in (4, 5) for _ in range(len(final) // 2)
    ]


def test_states_are_named_in_their_order() -> None:
    assert make().state_names() == ("hidden_1", "cell_1", "hidden_2", "cell_2")
    assert make(ConvGRU, bidirectional=True).state_names() == (
        "hidden_1",
        "hidden_1_backward",
        "hidden_2",
        "hidden_2_backward",
    )


def test_a_stack_equals_its_cells_step_by_step() -> None:
    layers = make(peepholes=True)
    outputs, state = layers(frames())
    one, two = (None, None)
    for step in range(6):
        one = layers.cells[0](frames()[:, step], one)
        two = layers.cells[1](one.hidden, two)
        torch.testing.assert_close(outputs[:, step], two.hidden)
    torch.testing.assert_close(state, (*one, *two))


def test_after_a_reset_a_sample_is_as_at_the_beginning() -> None:
    layers = make()
    reset = torch.zeros(2, 6, dtype=torch.bool)
    reset[1, 3] = True
    outputs, _ = layers(frames(), reset=reset)
    untouched, _ = layers(frames())
    fresh, _ = layers(frames()[1:, 3:])
    torch.testing.assert_close(outputs[0], untouched[0])
    torch.testing.assert_close(outputs[1, :3], untouched[1, :3])
    torch.testing.assert_close(outputs[1, 3:], fresh[0])
    assert not torch.allclose(outputs[1, 3:], untouched[1, 3:])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("stack", STACKS)
def test_a_padded_sequence_is_answered_as_if_alone(
    stack: type[RecurrentStack[Any]], bidirectional: bool
) -> None:
    layers = make(stack, bidirectional=bidirectional)
    mask = mask_of_lengths(torch.tensor([6, 4]), 6)
    padded = frames()
    padded[1, 4:] = 100.0
    outputs, state = layers(padded, mask=mask)
    alone, alone_state = layers(frames()[1:, :4])
    torch.testing.assert_close(outputs[1:, :4], alone)
    assert not outputs[1, 4:].any()
    for ours, theirs in zip(state, alone_state, strict=True):
        torch.testing.assert_close(ours[1:], theirs)


def test_a_missing_frame_leaves_the_state_as_it_is() -> None:
    layers = make()
    mask = torch.ones(2, 6, dtype=torch.bool)
    mask[:, 2] = False
    outputs, state = layers(frames(), mask=mask)
    without, other = layers(frames()[:, [0, 1, 3, 4, 5]])
    torch.testing.assert_close(outputs[:, [0, 1, 3, 4, 5]], without)
    torch.testing.assert_close(state, other)


def test_both_directions_see_the_same_gaps_and_beginnings() -> None:
    """The backward direction over a sequence is the forward one over its reverse."""
    torch.manual_seed(3)
    dt = torch.rand(2, 6)
    reset = torch.zeros(2, 6, dtype=torch.bool)
    reset[0, 2] = True
    # The gap before a step is the gap after the step that follows it in the reverse.
    gaps = torch.cat([torch.zeros(2, 1), dt[:, 1:].flip(1)], dim=1)
    ends = torch.cat([torch.zeros(2, 1, dtype=torch.bool), reset[:, 1:].flip(1)], dim=1)
    dt[:, 0] = 0.0
    first = ConvLSTM(3, [4], time_gates=True)
    nn.init.normal_(first.cells[0].time_to_gates)
    one = ConvLSTM(3, [4], time_gates=True, bidirectional=True)
    for cell in one.cells:
        cell.load_state_dict(first.cells[0].state_dict())
    outputs, _ = one(frames(), dt=dt, reset=reset)
    onward, _ = first(frames(), dt=dt, reset=reset)
    returning, _ = first(frames().flip(1), dt=gaps, reset=ends)
    torch.testing.assert_close(outputs[:, :, :4], onward)
    torch.testing.assert_close(outputs[:, :, 4:], returning.flip(1))
    # A reset parts the frames before it from those after, in both directions.
    alone, _ = one(frames()[:1, :2], dt=dt[:1, :2])
    torch.testing.assert_close(outputs[:1, :2], alone)


def test_time_is_seen_as_a_plane_of_it_would_be() -> None:
    layers = ConvLSTM(1, [2], time_gates=True)
    cell = layers.cells[0]
    nn.init.normal_(cell.time_to_gates)
    plane = ConvLSTM(2, [2], input_kernel_size=1)
    with torch.no_grad():
        cell.input_to_state.weight[:, :, [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2]] = 0
        weight = cell.input_to_state.weight[:, :, 1:2, 1:2]
        plane.cells[0].input_to_state.weight.copy_(
            torch.cat([weight, cell.time_to_gates.view(8, 1, 1, 1)], dim=1)
        )
        plane.cells[0].input_to_state.bias.copy_(cell.input_to_state.bias)
        plane.cells[0].recurrence.load_state_dict(cell.recurrence.state_dict())
    images, dt = torch.randn(2, 4, 1, 5, 5), torch.rand(2, 4)
    times = dt.view(2, 4, 1, 1, 1).expand(-1, -1, 1, 5, 5)
    torch.testing.assert_close(
        layers(images, dt=dt)[0], plane(torch.cat([images, times], dim=2))[0]
    )
    torch.testing.assert_close(layers(images)[0], layers(images, dt=torch.zeros(2, 4))[0])


def test_time_first_is_the_same_transposed() -> None:
    layers, other = make(), make(batch_first=False)
    reset = torch.rand(2, 6) < 0.3
    ours, state = layers(frames(), reset=reset)
    theirs, other_state = other(frames().transpose(0, 1), reset=reset.T)
    torch.testing.assert_close(ours, theirs.transpose(0, 1))
    torch.testing.assert_close(state, other_state)


def test_without_its_state_a_stack_fits_into_a_sequential() -> None:
    head = nn.Sequential(make(return_state=False), nn.Flatten(2), nn.Linear(5 * 8 * 7, 1))
    assert head(frames()).shape == (2, 6, 1)
    torch.testing.assert_close(make(return_state=False)(frames()), make()(frames())[0])


@pytest.mark.parametrize("stack", STACKS)
def test_recomputation_changes_nothing_but_memory(stack: type[RecurrentStack[Any]]) -> None:
    results = []
    for recompute in (False, True):
        layers = make(stack, recompute=recompute)
        outputs, state = layers(frames())
        loss = outputs.square().sum() + state[0].sum()
        results.append([outputs, *torch.autograd.grad(loss, list(layers.parameters()))])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_stream_in_pieces_is_answered_as_the_whole() -> None:
    stream = Stateful(make())
    whole, _ = make()(frames())
    pieces = [stream(frames()[:, start : start + 2]) for start in (0, 2, 4)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole)
    assert stream.state is not None
    assert not any(part.requires_grad for part in stream.state)
    stream.reset(torch.tensor([True, False]))
    again = stream(frames()[:, :2])
    torch.testing.assert_close(again[0], whole[0, :2])
    assert not torch.allclose(again[1], whole[1, :2])
    stream.reset()
    torch.testing.assert_close(stream(frames()[:, :2]), whole[:, :2])
    with pytest.raises(ValueError, match="bidirectional"):
        Stateful(make(bidirectional=True))


def test_zoneout_keeps_its_share_in_training_and_its_expectation_otherwise() -> None:
    torch.manual_seed(4)
    cell = ConvLSTMCell(1, 64, zoneout=(0.25, 0.5))
    images = torch.randn(4, 1, 16, 16)
    before = cell(images)
    with torch.no_grad():
        for index, share in ((0, 0.25), (1, 0.5)):
            cell.train()
            stayed = (cell(images + 1, before)[index] == before[index]).float().mean()
            assert stayed.item() == pytest.approx(share, abs=0.01)
            cell.eval()
            cell.recurrence.zoneout = (0.0, 0.0)
            plain = cell(images + 1, before)[index]
            cell.recurrence.zoneout = (0.25, 0.5)
            expected = (1 - share) * plain + share * before[index]
            torch.testing.assert_close(cell(images + 1, before)[index], expected)


def test_dropout_between_layers_is_for_training_only() -> None:
    layers, images = make(dropout=0.5), frames()
    assert not torch.equal(layers(images)[0], layers(images)[0])
    layers.eval()
    torch.testing.assert_close(layers(images)[0], make()(images)[0])


def test_strides_and_kernels_may_differ_by_layer() -> None:
    layers = ConvLSTM(3, [4, 5], kernel_size=(5, 3), stride=(2, 1))
    outputs, state = layers(frames())
    assert outputs.shape == (2, 6, 5, 4, 4)
    assert layers.cells[0].recurrence.state_to_state.kernel_size == (5, 5)
    assert state[0].shape == (2, 4, 4, 4)


def test_a_grouped_state_hears_its_own_group_only() -> None:
    cell = ConvLSTMCell(1, 4, recurrence="grouped", groups=2)
    images = torch.zeros(1, 1, 5, 5)
    state = cell(images)
    moved = state._replace(hidden=state.hidden.clone())
    moved.hidden[:, 2:] += 1.0
    before, after = cell(images, state), cell(images, moved)
    torch.testing.assert_close(before.hidden[:, :2], after.hidden[:, :2])
    assert not torch.allclose(before.hidden[:, 2:], after.hidden[:, 2:])


def test_normalised_gates_do_not_feel_the_scale_of_the_input() -> None:
    layers = make(normalization="layer")
    with torch.no_grad():
        layers.cells[0].normalize_input.weight.fill_(1.0)
    torch.testing.assert_close(layers(100 * frames())[0], layers(frames())[0], rtol=1e-2, atol=1e-3)


def test_half_precision_stays_half() -> None:
    layers = make(cell_clamp=6.0).to(torch.bfloat16)
    outputs, state = layers(frames().to(torch.bfloat16))
    assert {outputs.dtype, *(part.dtype for part in state)} == {torch.bfloat16}
    with torch.autocast("cpu", torch.bfloat16):
        make()(frames())[0].float().sum().backward()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": torch.zeros(1, 3, 4, 4)}, r"expected \(B, T, C, H, W\)"),
        ({"inputs": torch.zeros(1, 0, 3, 4, 4)}, "no frame"),
        ({"state": (torch.zeros(2, 4, 8, 7),) * 2}, r"flat tuple of 4 \(hidden_1, cell_1"),
        ({"dt": torch.zeros(2, 6)}, "no time gates"),
        ({"dt": torch.zeros(6, 2)}, r"dt: expected shape \(2, 6\)"),
        ({"reset": torch.zeros(2, 6)}, "reset: expected booleans"),
        ({"mask": torch.ones(2, 5, dtype=torch.bool)}, r"mask: expected shape \(2, 6\)"),
    ],
)
def test_bad_inputs_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()(**{"inputs": frames(), **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_channels": []}, "at least one layer"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size: 3 given for 2 layers"),
        ({"dropout": 1.0}, r"not in \[0, 1\)"),
    ],
)
def test_bad_stacks_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConvLSTM(**{"input_channels": 1, "hidden_channels": [2, 2], **arguments})
    with pytest.raises(ValueError, match="no 'bottleneck'"):
        ConvGRU(1, [1], recurrence="bottleneck")


@pytest.mark.parametrize(
    ("cell", "options"), [(ConvLSTMCell, ConvLSTMStackOptions), (ConvGRUCell, ConvGRUStackOptions)]
)
def test_a_stack_takes_every_option_of_its_cell(cell: type, options: type) -> None:
    def keywords(function: Any) -> set[str]:
        parameters = inspect.signature(function).parameters.values()
        return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}

    wanted = keywords(cell.__init__) | keywords(RecurrentStack.__init__)  # type: ignore[misc]
    assert set(get_type_hints(options)) == wanted


def test_a_gru_equals_that_of_torch() -> None:
    """On a single pixel a convolution is a matrix product."""
    torch.manual_seed(6)
    theirs = nn.GRU(3, 4, batch_first=True)
    ours = ConvGRU(3, [4], kernel_size=1)
    cell = ours.cells[0]
    with torch.no_grad():
        theirs.bias_hh_l0[8:] = 0.0  # the candidate's second bias, which ours has not
        cell.input_to_state.weight.copy_(theirs.weight_ih_l0.view(12, 3, 1, 1))
        cell.input_to_state.bias.copy_(theirs.bias_ih_l0 + theirs.bias_hh_l0)
        cell.recurrence.state_to_state.weight.copy_(theirs.weight_hh_l0.view(12, 4, 1, 1))
    inputs = torch.randn(2, 5, 3)
    expected, last = theirs(inputs)
    outputs, (hidden,) = ours(inputs.view(2, 5, 3, 1, 1))
    torch.testing.assert_close(outputs.flatten(2), expected)
    torch.testing.assert_close(hidden.flatten(1), last[0])
