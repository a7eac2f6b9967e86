from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server.subscriptions import Subscriptions

CONNECTIONS = st.sampled_from("ABCD")
THREADS = st.sampled_from(["t1", "t2", "t3"])


class Registry(RuleBasedStateMachine):
    """The two maps against the plainest model there is: a set of pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.registry: Subscriptions[str] = Subscriptions()
        self.open: set[str] = set()
        self.pairs: set[tuple[str, str]] = set()

    def followers(self, thread: str) -> set[str]:
        return {connection for connection, followed in self.pairs if followed == thread}

    @rule(connection=CONNECTIONS)
    def opens(self, connection: str) -> None:
        self.registry.open(connection)
        self.open.add(connection)

    @rule(connection=CONNECTIONS)
    def closes(self, connection: str) -> None:
        followed = {thread for who, thread in self.pairs if who == connection}
        empty = self.registry.close(connection)
        self.open.discard(connection)
        self.pairs -= {(connection, thread) for thread in followed}
        assert sorted(empty) == sorted(thread for thread in followed if not self.followers(thread))

    @rule(connection=CONNECTIONS, thread=THREADS)
    def subscribes(self, connection: str, thread: str) -> None:
        first = self.registry.subscribe(connection, thread)
        if connection in self.open:
            self.pairs.add((connection, thread))
            assert first == (self.followers(thread) == {connection})
        else:
            assert not first

    @rule(connection=CONNECTIONS, thread=THREADS)
    def unsubscribes(self, connection: str, thread: str) -> None:
        was_last = self.registry.unsubscribe(connection, thread)
        assert (was_last is not None) == ((connection, thread) in self.pairs)
        self.pairs.discard((connection, thread))
        assert was_last is None or was_last == (not self.followers(thread))

    @rule(thread=THREADS)
    def drops(self, thread: str) -> None:
        self.registry.drop(thread)
        self.pairs = {pair for pair in self.pairs if pair[1] != thread}

    @invariant()
    def the_maps_are_inverses(self) -> None:
        by_connection = {(c, t) for c in "ABCD" for t in self.registry.threads_of(c)}
        by_thread = {(c, t) for t in ("t1", "t2", "t3") for c in self.registry.of(t)}
        assert by_connection == by_thread == self.pairs
        assert set(self.registry.everybody()) == self.open


TestRegistry = Registry.TestCase


def test_a_connection_that_is_gone_can_never_be_added_again() -> None:
    registry: Subscriptions[str] = Subscriptions()
    registry.open("A")
    registry.close("A")
    registry.subscribe("A", "t1")
    assert not registry.of("t1")
