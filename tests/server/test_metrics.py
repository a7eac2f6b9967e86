"""What the server counts, in the words of a monitoring system."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from server.metrics import MAX_NAMES, Metrics


async def told(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Every number by its name and method."""
    text = (await metrics.exposition()).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, sample.labels.get("method", "")): sample.value for sample in samples}


async def test_unknown_methods_are_counted_by_name() -> None:
    metrics = Metrics()
    for method in ("thread/queue/add", "thread/queue/add", "fs/copy"):
        metrics.count_unknown(method)
    said = await told(metrics)
    assert said["threadcast_unknown_methods_total", "thread/queue/add"] == 2
    assert said["threadcast_unknown_methods_total", "fs/copy"] == 1


async def test_names_that_clients_make_up_do_not_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(MAX_NAMES * 2):
        metrics.count_unknown(f"made/up/{number}")
    metrics.count_unknown('quo"te\n')
    metrics.count_unknown("x" * 10_000)
    metrics.count_unknown("made/up/1")
    said = await told(metrics)
    assert len(metrics.unknown_methods) <= MAX_NAMES + 1
    assert said["threadcast_unknown_methods_total", "other"] == MAX_NAMES + 2
    assert said["threadcast_unknown_methods_total", "made/up/1"] == 2


async def test_standstills_and_watched_numbers_are_said() -> None:
    metrics, connections = Metrics(), [1, 2, 3]
    metrics.count_block(0.2)
    metrics.count_block(0.1)
    metrics.watch("threadcast_connections", "Clients.", lambda: len(connections))
    said = await told(metrics)
    assert said["threadcast_loop_blocks_total", ""] == 2
    assert said["threadcast_loop_longest_block_seconds", ""] == 0.2
    assert said["threadcast_connections", ""] == 3
