"""The topology model refuses what AWS would refuse or lose, before anything is created."""

import pytest

from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology, Topology

READS = {"first-events": ("auth.login.failed.v1",)}
PRIVATELY = {"first-private": ("auth.mail.requested.v1",)}


def of(*lanes: Lane) -> Topology:
    return Topology("bucket", (ServiceTopology("first"), ServiceTopology("second", lanes)))


def test_names_follow_the_service_and_the_lane() -> None:
    topology = of(Lane("second-fast", READS))
    assert [service.topic for service in topology.services] == ["first-events", "second-events"]
    assert [(lane.queue, lane.dead_queue) for lane in topology.lanes] == [("second-fast", "second-fast-dead")]


@pytest.mark.parametrize(
    ("lanes", "reason"),
    [
        ([Lane("q", {"nobody-events": ("a.b.c.v1",)})], "nobody publishes"),
        ([Lane("q", READS), Lane("q", READS)], "declared twice"),
        ([Lane("q", READS), Lane("q-dead", READS)], "declared twice"),
        ([Lane("q", {"first-events": ()})], "1 to 150"),
        ([Lane("q", {"first-events": tuple(f"a.b.c{n}.v1" for n in range(151))})], "1 to 150"),
        ([Lane("q", storage_prefixes=("blobs/", "blobs/"))], "overlap"),
        ([Lane("q", storage_prefixes=("blobs/",)), Lane("r", storage_prefixes=("blobs/a/",))], "overlap"),
        ([Lane("q", storage_prefixes=("blobs/a/",)), Lane("r", storage_prefixes=("blobs/",))], "overlap"),
        ([Lane("q", READS, visibility_seconds=0)], "12 h"),
        ([Lane("q", READS, visibility_seconds=43201)], "12 h"),
        ([Lane("q", READS, max_receives=0)], "at least once"),
        ([Lane("q", READS, private=True)], "private lane"),
        ([Lane("q", PRIVATELY)], "private lane"),
        ([Lane("q", READS | PRIVATELY, private=True)], "private lane"),
    ],
)
def test_refuses(lanes: list[Lane], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        of(*lanes)


def test_private_commands_have_a_topic_only_where_a_service_sends_some() -> None:
    lane = Lane("second-private", PRIVATELY, private=True)
    topology = Topology("bucket", (ServiceTopology("first", sends_privately=True), ServiceTopology("second", (lane,))))
    assert [service.topics for service in topology.services] == [("first-events", "first-private"), ("second-events",)]
    assert topology.private_topics == {"first-private"}
    assert topology.only("first", "second") == topology
    assert topology.only("second").lanes[0].reads == {}
    with pytest.raises(ValueError, match="nobody publishes"):
        of(lane)


def test_an_urgent_lane_is_subscribed_to_what_is_urgent_of_its_types() -> None:
    usual, urgent = Lane("q", READS), Lane("r", READS, urgent=True)
    of(usual, urgent)
    assert usual.filters("first-events") == {"type": ["auth.login.failed.v1"]}
    assert urgent.filters("first-events") == {"type": ["auth.login.failed.v1"], "urgent": ["true"]}
    told = {"type": "auth.login.failed.v1"}
    assert [lane.hears("first-events", told) for lane in (usual, urgent)] == [True, False]
    assert [lane.hears("first-events", told | {"urgent": "true"}) for lane in (usual, urgent)] == [True, True]
    assert not any(lane.hears("second-events", told | {"urgent": "true"}) for lane in (usual, urgent))


def test_refuses_a_service_declared_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Topology("bucket", (ServiceTopology("first"), ServiceTopology("first")))


def test_takes_the_most_that_sns_takes() -> None:
    assert of(Lane("q", {"first-events": tuple(f"a.b.c{n}.v1" for n in range(150))})).lanes


def test_prefixes_beside_each_other_do_not_overlap() -> None:
    assert of(Lane("q", storage_prefixes=("blobs/", "incoming/")), Lane("r", storage_prefixes=("photos/incoming/",))).lanes


def test_a_part_keeps_everything_but_subscriptions_to_the_rest() -> None:
    blobs = (BlobAccess("blobs/", read=True),)
    lane = Lane("q", READS | {"second-events": ("x.y.z.v1",)}, ("blobs/",), visibility_seconds=7, max_receives=9)
    topology = Topology("bucket", (ServiceTopology("first"), ServiceTopology("second", (lane,), blobs)))
    part = topology.only("second")
    assert part.services == (
        ServiceTopology("second", (Lane("q", {"second-events": ("x.y.z.v1",)}, ("blobs/",), 7, 9),), blobs),
    )
    assert topology.only("first", "second") == topology
