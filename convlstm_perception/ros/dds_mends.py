"""Why large images are lost on a machine, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convlstm_perception.ros.dds_facts import DdsFacts, SharedMemory, read_profile
from convlstm_perception.ros.delivery import Delivery, ProfileName

LEAST_SHARE = 0.97  # of the images; one that is lost now and then is normal with best effort
_PROCESSES = 2  # a camera and the node: each has a segment of its own
_BESIDE_SEGMENT = 8 << 20  # bytes of queues beside a segment of 64 MiB, roughly
_LEAST_SOCKET_BUFFER = 4 << 20  # bytes; 1920x1080 arrived whole with it (docs/delivery.md)
_SOCKET_BUFFER = 16 << 20  # that the shipped profile asks for
_STALE_SHARE = 0.25  # of /dev/shm that is worth cleaning


def is_short(delivery: Delivery) -> bool:
    """Whether too few images came."""
    return delivery.share < LEAST_SHARE


def find_mends(facts: DdsFacts, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
    """What to do so that the images arrive with the profile in force; empty where they do.

    Args:
        facts: of this machine.
        deliveries: that were measured on it.
    """
    short = [d for d in deliveries if "in force" in d.profiles and is_short(d)]
    if not short:
        return ()
    if not facts.is_fast_dds:
        return (_other_rmw(facts),)
    mends = [
        *_about_profile(facts, deliveries),
        *_about_shared_memory(facts),
        *_about_sockets(facts),
    ]
    return tuple(mends) or (_unexplained(),)


def find_notes(facts: DdsFacts, mends: Sequence[str]) -> tuple[str, ...]:
    """What is worth knowing although the images arrive; nothing that the mends say already."""
    notes = []
    if not facts.is_fast_dds:
        notes.append(f"{facts.rmw} is in use: the shipped profile is for Fast DDS, not for it.")
    memory = facts.shared_memory
    if memory and memory.stale_bytes > _STALE_SHARE * memory.total:
        notes.append(_stale(memory))
    notes += _about_sockets(facts)
    return tuple(note for note in notes if note not in mends)


def _other_rmw(facts: DdsFacts) -> str:
    return (
        f"{facts.rmw} loses images, and the shipped profile is for Fast DDS, not for it. Give it "
        "larger buffers by its own configuration, or use Fast DDS in every process: "
        "export RMW_IMPLEMENTATION=rmw_fastrtps_cpp"
    )


def _about_profile(facts: DdsFacts, deliveries: Sequence[Delivery]) -> Iterator[str]:
    shipped = _shares(deliveries, "shipped")
    if facts.shipped is None:
        yield (
            "The shipped Fast DDS profile (config/fastdds.xml) is not installed beside this "
            "package. Reinstall it, or run this in a source checkout."
        )
        return
    if facts.shipped_in_force or (shipped and min(shipped) < LEAST_SHARE):
        return  # the profile alone does not help
    use = (
        "In every process that sends or receives images, before it starts:\n"
        f"    export {facts.variable}={facts.shipped}"
    )
    wrong = [name for name in facts.variables if name != facts.variable]
    profile = facts.profile
    if profile and profile.problem:
        yield f"The profile {profile.path} cannot be read ({profile.problem}). {use}"
    elif profile:
        yield f"The profile in force, {profile.path}, loses images; the shipped one does not. {use}"
    elif wrong:
        yield f"{wrong[0]} is set, but Fast DDS reads {facts.variable} here. {use}"
    else:
        yield f"No Fast DDS profile is set, and Fast DDS's defaults lose large images. {use}"


def _shares(deliveries: Sequence[Delivery], profile: ProfileName) -> list[float]:
    return [delivery.share for delivery in deliveries if profile in delivery.profiles]


def _about_shared_memory(facts: DdsFacts) -> Iterator[str]:
    memory = facts.shared_memory
    if memory is None:
        yield (
            "There is no /dev/shm here, so images go through UDP. Mount one: "
            "sudo mount -t tmpfs -o mode=1777 shm /dev/shm"
        )
        return
    wanted = _PROCESSES * (_segment(facts) + _BESIDE_SEGMENT)
    if memory.free >= wanted:
        return
    if memory.free + memory.stale_bytes >= wanted:
        yield _stale(memory)
        return
    # Twice, for there are more than two processes soon.
    size = f"{-(-2 * wanted >> 20)}m"
    how = (
        f"start the container with --shm-size {size} (or --ipc host)"
        if facts.container
        else f"sudo mount -o remount,size={size} /dev/shm"
    )
    yield (
        f"/dev/shm has {memory.free >> 20} MiB free of {memory.total >> 20}; a camera and the node "
        f"take {wanted >> 20}. Where it cannot have that, images get lost. Make room: {how}"
    )
    if memory.stale_bytes:
        yield _stale(memory)


def _segment(facts: DdsFacts) -> int:
    """Bytes of a process's segment with the shipped profile, or with one that wants more."""
    profiles = [facts.profile, facts.shipped and read_profile(facts.shipped)]
    return max((profile.segment_bytes or 0 for profile in profiles if profile), default=0)


def _stale(memory: SharedMemory) -> str:
    return (
        f"{memory.stale_segments} shared-memory segments of Fast DDS processes that were killed "
        f"hold {memory.stale_bytes >> 20} MiB of /dev/shm. This removes them, and leaves alone "
        "those in use: fastdds shm clean"
    )


def _about_sockets(facts: DdsFacts) -> Iterator[str]:
    limits = {"rmem": facts.receive_limit, "wmem": facts.send_limit}
    small = {name: size for name, size in limits.items() if size and size < _LEAST_SOCKET_BUFFER}
    if not small:
        return
    told = ", ".join(f"net.core.{name}_max is {limit}" for name, limit in small.items())
    lines = "\n".join(f"    sudo sysctl -w net.core.{name}_max={_SOCKET_BUFFER}" for name in small)
    yield (
        f"Sockets may buffer less than a large image ({told} bytes), so images that go over UDP, "
        "between machines or containers, get lost. Raise it, and use the shipped profile, which "
        f"asks for as much:\n{lines}"
    )


def _unexplained() -> str:
    return (
        "Neither the profile, nor /dev/shm, nor the sockets' buffers explain this. Look for other "
        "work on the processors (top), and measure again without it."
    )
