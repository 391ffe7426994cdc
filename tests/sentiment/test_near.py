"""Near-duplicates: every pair that a comparison of all with all finds, in seconds."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sentiment.checks.near import nearest

TEXTS = st.lists(st.text("abA", max_size=14), max_size=12)


def grams(text: str) -> set[str]:
    text = text.lower()
    return {text[i : i + 5] for i in range(len(text) - 4)}


def similarity(one: str, two: str) -> float:
    return len(grams(one) & grams(two)) / len(grams(one) | grams(two))


@given(texts=TEXTS, others=TEXTS, least=st.sampled_from([0.3, 0.5, 0.7, 1.0]))
@settings(max_examples=300, deadline=None)
def test_the_same_as_comparing_all_with_all(texts, others, least):
    found = nearest(texts, others, least)
    long = [other for other in others if len(other) >= 5]
    for i, text in enumerate(texts):
        compared = len(text) >= 5 and text not in others
        best = max((similarity(text, other) for other in long), default=0) if compared else 0
        assert (i in found) == (best >= least)
        if i in found:
            assert found[i][1] == pytest.approx(best)
            assert similarity(text, others[found[i][0]]) == pytest.approx(best)


def test_one_character_of_a_long_text_is_nearly_the_same_and_of_a_short_one_is_not():
    text = "物流很快包装也很好用了三天没有发现问题客服态度也不错下次还会再来买的"
    assert nearest([text + "好"], ["别的" * 9, text], 0.7)[0][0] == 1
    assert nearest(["物流很快啊"], ["物流很快哦"], 0.7) == {}
    assert nearest([text], [text], 0.7) == {}


def test_ten_thousand_texts_against_twelve_hundred_take_seconds():
    draw = random.Random(0)
    common = [chr(0x4E00 + i) for i in range(600)]
    phrases = ["".join(draw.choices(common, k=6)) for _ in range(2000)]
    texts = ["".join(draw.choices(phrases, k=18)) for _ in range(11_200)]
    copies = [text[:50] + "改" + text[51:] for text in texts[:100]]
    started = time.perf_counter()
    found = nearest([*copies, *texts[10_000:]], texts[:10_000], 0.7)
    assert time.perf_counter() - started < 20
    assert {number: other for number, (other, _) in found.items()} == {i: i for i in range(100)}
