from kedro_asgi.bounded_cache import BoundedCache


def test_one_more_than_the_bound_drops_the_oldest() -> None:
    cache: BoundedCache[int, str] = BoundedCache(2)
    for key in (1, 2, 3):
        cache.add(key, f"value {key}")
    assert [cache.get(key) for key in (1, 2, 3)] == [None, "value 2", "value 3"]


def test_the_first_value_of_a_key_stays() -> None:
    cache: BoundedCache[int, str] = BoundedCache(1)
    assert cache.add(1, "first") == "first"
    assert cache.add(1, "second") == "first"
    assert cache[1] == "first"
