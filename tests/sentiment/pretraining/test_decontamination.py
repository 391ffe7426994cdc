"""Decontamination finds what gives an evaluation text away, and nothing else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sentiment.pretraining.decontamination import EQUAL, SHARED_RUN, SIMILAR, Evaluation, normalise

LONG = normalise("早上入住时前台态度很好，房间也干净，只是隔壁施工太吵，晚上没有睡好，下次不会再来了。")
OTHER = normalise("这本书买给孩子看的，印刷清楚，故事有趣，他每天都要读上一章才肯睡觉。")


def rule(text: str, *evaluation: str):
    return Evaluation(map(normalise, evaluation or (LONG,))).broken_rules([normalise(text)])[0]


@pytest.mark.parametrize(
    "written, compared",
    [("ＡＢＣ，１２！", "abc12"), ("好_评 ～", "好评"), ("①ﬁ", "1fi"), ("……", ""), ("ÀÉ\u0301", "àé")],
)
def test_comparison_sees_letters_and_digits_in_one_form(written, compared):
    assert normalise(written) == compared


def test_a_copy_with_other_punctuation_width_and_case_is_equal():
    assert rule("Ｐ好 评！", "p好，评") == EQUAL
    assert rule(" ".join(LONG)) == EQUAL


def test_planted_prefixes_and_pieces_are_found():
    assert rule(LONG[:20] + OTHER) == SHARED_RUN
    assert rule(OTHER + LONG[7:27] + OTHER) == SHARED_RUN
    assert rule(OTHER + LONG[-20:]) == SHARED_RUN
    assert rule(LONG[:19] + OTHER) is None


def test_edited_copies_are_found():
    middle = len(LONG) // 2
    assert max(middle, len(LONG) - middle - 1) < 20
    assert rule(LONG[:middle] + LONG[middle + 1 :]) == SIMILAR
    text = "物流很快包装也很好用了三天"
    assert rule(text[:-1] + "年", text) == SIMILAR
    assert rule(text + "了啊", text) == SIMILAR


def test_a_short_stock_phrase_that_is_an_evaluation_text_goes_too_and_part_of_one_stays():
    assert rule("很好！", "很好") == EQUAL
    assert rule("很好用", "很好") is None
    assert rule(LONG[3:20]) is None


def test_nothing_is_compared_with_empty_texts():
    evaluation = Evaluation(["", ""])
    assert evaluation.broken_rules(["好", LONG]) == [None, None]
    assert Evaluation([LONG]).broken_rules([]) == []


def grams(text: str) -> set[str]:
    return {text[i : i + 5] for i in range(len(text) - 4)}


def brute_force(text: str, others: list[str]):
    if text in others:
        return EQUAL
    if any(text[i : i + 20] in other for other in others for i in range(len(text) - 19)):
        return SHARED_RUN
    one = grams(text)
    close = any(len(one & grams(o)) >= 0.7 * len(one | grams(o)) - 1e-9 for o in others if one and grams(o))
    return SIMILAR if close else None


PARTS = st.lists(st.sampled_from([LONG[:5], LONG[5:17], LONG[17:], OTHER[:9], "很好", "a"]), max_size=6)
TEXTS = st.lists(PARTS.map("".join), max_size=8)


@given(texts=TEXTS, evaluation=TEXTS)
@settings(max_examples=300, deadline=None)
def test_the_same_as_comparing_all_with_all(texts, evaluation):
    others = [text for text in evaluation if text]
    assert Evaluation(evaluation).broken_rules(texts) == [brute_force(text, others) for text in texts]


def test_planted_texts_are_found_among_many():
    draw = random.Random(0)
    characters = [chr(0x4E00 + i) for i in range(2000)]
    evaluation = ["".join(draw.choices(characters, k=40)) for _ in range(500)]
    clean = ["".join(draw.choices(characters, k=40)) for _ in range(20_000)]
    planted = [text[:25] + clean[i][:30] for i, text in enumerate(evaluation)]
    found = Evaluation(evaluation).broken_rules([*clean, *planted])
    assert found == [None] * len(clean) + [SHARED_RUN] * len(planted)
