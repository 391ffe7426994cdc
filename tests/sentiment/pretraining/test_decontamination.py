"""What gives an evaluation text away is found, and nothing else."""

import random

import pytest

from tasks.sentiment.pretraining.decontamination import RULES, counts, decontaminate, letters

EVALUATED = (
    "昨天收到货以后马上打开来试了一下，屏幕的颜色非常漂亮，电池也能用上两天，就是充电器的线有点短，不太方便。"
)
EQUAL, RUN, SIMILAR = RULES


def rule_of(text: str) -> str:
    kept, removed = decontaminate({"corpus": [text]}, [EVALUATED])
    assert [len(kept["corpus"]), len(removed)] in ([1, 0], [0, 1])
    return removed[0].rule if removed else ""


@pytest.mark.parametrize(
    "text, rule",
    [
        (EVALUATED, EQUAL),
        (EVALUATED.replace("，", " ").replace("。", "！！"), EQUAL),
        (EVALUATED[:30], RUN),
        ("我也说一句：" + EVALUATED[20:45] + "大家自己看吧", RUN),
        ("前面的话。" + EVALUATED + "后面的话。", RUN),
        (EVALUATED[:19], ""),
        ("屏幕的颜色非常漂亮，电池也能用上两天。", ""),
        ("另一条评论，和它没有任何关系，只是长度差不多，说的是洗发水的味道和泡沫。", ""),
    ],
)
def test_planted_texts(text, rule):
    assert rule_of(text) == rule


def test_copies_with_edits_too_near_for_a_run_are_similar():
    # A letter exchanged every 17: no run of 20 is left, and of each 17 5-grams 5 change.
    evaluated = "".join(random.Random(0).sample([chr(0x4E00 + i) for i in range(900)], 600))
    edited = list(evaluated)
    for place in range(16, 600, 19):
        edited[place] = "的"
    copy = "".join(edited)
    grams = [{text[i : i + 5] for i in range(596)} for text in (evaluated, copy)]
    similarity = len(grams[0] & grams[1]) / len(grams[0] | grams[1])
    _, removed = decontaminate({"corpus": [copy]}, [evaluated])
    assert [one.rule for one in removed] == ([SIMILAR] if similarity >= 0.7 else [])


def test_nearly_equal_short_texts_are_similar():
    evaluated = "这个平板非常好用，反应也快"
    _, removed = decontaminate({"corpus": [evaluated + "啊", evaluated[:7]]}, [evaluated])
    assert [one.rule for one in removed] == [SIMILAR]


def test_wide_letters_and_capitals_are_the_same():
    assert letters("ＩＰＨＯＮＥ 6S，好!") == letters("iphone6s好")


def test_counts_and_hashes_tell_of_every_removed_text():
    corpora = {"a": [EVALUATED, "别的话"], "b": [EVALUATED[:30], EVALUATED]}
    kept, removed = decontaminate(corpora, [EVALUATED])
    assert kept == {"a": ["别的话"], "b": []}
    assert counts(corpora, removed) == [
        {"corpus": "a", "texts": 2, EQUAL: 1, RUN: 0, SIMILAR: 0},
        {"corpus": "b", "texts": 2, EQUAL: 1, RUN: 1, SIMILAR: 0},
    ]
    assert len({one.sha1 for one in removed}) == 2
    assert all(EVALUATED[:10] not in str(one) for one in removed)
