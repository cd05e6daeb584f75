"""The newest item wins, every lost one is counted, and nobody waits for ever."""

from __future__ import annotations

import threading

from convlstm_perception.ros.mailbox import Mailbox


def test_the_newest_item_wins_and_the_others_are_counted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for item in (1, 2, 3):
        mailbox.put(item)
    assert mailbox.take() == 3
    assert mailbox.overwritten == 2
    mailbox.put(4)
    assert mailbox.take() == 4
    assert mailbox.overwritten == 2


def test_items_from_another_thread_are_taken_in_order_and_none_is_lost_uncounted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int] = []
    done = threading.Event()

    def consume() -> None:
        while (item := mailbox.take()) is not None:
            taken.append(item)
            if item == 2000:
                done.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    for item in range(1, 2001):
        mailbox.put(item)
    assert done.wait(10.0)
    mailbox.close()
    consumer.join(10.0)
    assert not consumer.is_alive()
    assert taken == sorted(set(taken))
    assert len(taken) + mailbox.overwritten == 2000


def test_close_lets_a_waiting_taker_go_and_drops_what_is_left() -> None:
    mailbox: Mailbox[int] = Mailbox()
    results: list[int | None] = []
    taker = threading.Thread(target=lambda: results.append(mailbox.take()))
    taker.start()
    mailbox.close()
    taker.join(10.0)
    assert results == [None]
    mailbox.put(1)
    assert mailbox.take() is None
