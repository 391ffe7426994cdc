"""Data sets that a configuration names in a word, each with the split that is compared."""

from typing import Any

E_COMMERCE = ["平板", "水果", "洗发水", "衣服", "手机", "蒙牛", "热水器"]

# What stands for a field of ``data`` that is null; paths are below the data root.
KNOWN_SETS: dict[str, dict[str, Any]] = {
    "online_shopping": {
        "path": "sentiment/online_shopping_10_cats.csv",
        "text_column": "review",
        "label_column": "label",
        "group_column": "cat",
        # The other three categories contain ChnSentiCorp's test texts.
        "groups": E_COMMERCE,
        "test_size": 5000,
        "validation_size": 1000,
        "train_size": 3000,
    },
    "chnsenticorp": {
        "path": "sentiment/chnsenticorp/train.tsv",
        "validation": "sentiment/chnsenticorp/dev.tsv",
        "test": "sentiment/chnsenticorp/test.tsv",
        "text_column": "text_a",
        "label_column": "label",
        # Its splits share texts; the published ones are kept, and the leak is reported.
        "duplicates": "keep",
    },
    # The project's own reviews, in the repository.
    "embedded": {
        "path": "reviews.csv",
        "text_column": "review",
        "label_column": "label",
        "group_column": "cat",
        "test_size": 200,
        "validation_size": 120,
        "train_size": 800,
    },
}
DEFAULTS: dict[str, Any] = {
    "text_column": "text",
    "label_column": "label",
    "train_size": "all",
    "duplicates": "drop",
}
