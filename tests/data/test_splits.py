import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.data.splits import check_split, holdout, kfold, read_split
from thawline.errors import UserError


def grouped(groups_per_class: list[int], size: int = 3) -> tuple[np.ndarray, np.ndarray]:
    labels, groups = [], []
    for label, count in enumerate(groups_per_class):
        for _ in range(count):
            group = max(groups, default=-1) + 1
            labels += [label] * size
            groups += [group] * size
    return np.array(labels), np.array(groups)


def samples(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Groups of (class, size, whether all of it is of that class; otherwise its first sample is of the next)."""
    return (
        np.array([label if i or odd else (label + 1) % 4 for label, size, odd in rows for i in range(size)]),
        np.array([group for group, (_, size, _) in enumerate(rows) for _ in range(size)]),
    )


# Samples of 2 to 4 classes in groups of any size; a few groups hold photos of two classes.
rows_of = st.tuples(st.integers(0, 3), st.integers(1, 6), st.integers(0, 9))
collections = st.lists(rows_of, min_size=4, max_size=40).map(samples)
# The same with four whole groups of each class, so that two folds and a hold-out can be made.
divisible = st.tuples(st.lists(rows_of, max_size=20), st.lists(st.integers(1, 6), min_size=16, max_size=16)).map(
    lambda made: samples([*made[0], *((i % 4, size, 1) for i, size in enumerate(made[1]))])
)


def fewest_groups(labels, groups) -> int:
    return min(len(set(groups[labels == label])) for label in set(labels))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(collections, st.integers(2, 5), st.integers(0, 3))
def test_kfold_never_cuts_a_group(collection, folds, seed) -> None:
    labels, groups = collection
    if fewest_groups(labels, groups) < folds:
        with pytest.raises(UserError, match=f"cv={folds} needs at least"):
            kfold(labels, groups, folds=folds, seed=seed)
        return
    fold = kfold(labels, groups, folds=folds, seed=seed)
    assert fold.shape == labels.shape
    assert set(fold) <= set(range(folds))  # every sample in exactly one
    check_split(fold, groups, [str(i) for i in range(len(labels))])
    for k in range(folds):
        assert set(labels[fold != k]) == set(labels)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(collections, st.sampled_from([0.05, 0.2, 0.25, 0.4, 0.5]), st.integers(0, 3))
def test_holdout_never_cuts_a_group(collection, fraction, seed) -> None:
    labels, groups = collection
    if fewest_groups(labels, groups) < 2:
        with pytest.raises(UserError, match="a hold-out needs at least 2 groups"):
            holdout(labels, groups, fraction=fraction, seed=seed)
        return
    held = holdout(labels, groups, fraction=fraction, seed=seed)
    check_split(held, groups, [str(i) for i in range(len(labels))])
    assert set(labels[held]) == set(labels[~held]) == set(labels)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(divisible, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(collection, random) -> None:
    labels, groups = collection
    order = list(range(len(labels)))
    random.shuffle(order)
    for split in (lambda a, b: kfold(a, b, folds=2, seed=1), lambda a, b: holdout(a, b, seed=1)):
        assert np.array_equal(split(labels[order], groups[order]), split(labels, groups)[order])


@pytest.mark.parametrize("fraction", [0.1, 0.15, 0.2, 0.4, 0.5, 0.7])
def test_holdout_is_stratified(fraction) -> None:
    labels, groups = grouped([40, 80, 20])
    held = holdout(labels, groups, fraction=fraction, seed=0)
    for label in range(3):
        assert abs(held[labels == label].mean() - fraction) <= 1.5 / 20


def test_kfold_is_stratified() -> None:
    labels, groups = grouped([20, 40])
    fold = kfold(labels, groups, folds=5, seed=0)
    assert np.bincount(fold).tolist() == [36] * 5
    assert [(labels[fold == k] == 0).sum() for k in range(5)] == [12] * 5


def test_the_seed_decides() -> None:
    labels, groups = grouped([20, 20])
    one, same, other = (kfold(labels, groups, folds=5, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    held, again, differently = (holdout(labels, groups, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(held, again)
    assert not np.array_equal(held, differently)


def test_ten_classes_of_two_groups_can_be_held_out() -> None:
    labels, groups = grouped([2] * 10, size=1)
    held = holdout(labels, groups, seed=0)
    assert [int(held[labels == label].sum()) for label in range(10)] == [1] * 10


@pytest.mark.parametrize(
    ("counts", "size", "folds", "message"),
    [
        (
            [9, 3],
            1,
            5,
            r"cv=5 needs at least 5 groups of every class, but 'mehndi' has 3 \(3 samples; .*\); use cv=3, or",
        ),
        ([9, 1], 4, 5, r"'mehndi' has 1 \(4 samples; .*\); add samples from other occasions"),
        ([2, 9], 1, 3, r"'barat' has 2 \(2 samples; .*; use cv=2, or add samples"),
        ([9, 9], 1, 1, "cv=1 is not cross-validation"),
    ],
)
def test_too_few_groups_say_what_would_work(counts, size, folds, message) -> None:
    labels, groups = grouped(counts, size)
    with pytest.raises(UserError, match=message):
        kfold(labels, groups, folds=folds, seed=0, classes=["barat", "mehndi"])


def test_samples_of_one_part_are_not_told_to_be_left_out() -> None:
    with pytest.raises(UserError) as refused:
        kfold(*grouped([2]), folds=3, seed=0)
    assert str(refused.value) == (
        "cv=3 needs at least 3 groups, and there are 2 (6 samples; those that belong together are one group); "
        "use cv=2, or add samples."
    )


def test_all_classes_of_too_few_groups_are_named_at_once() -> None:
    labels, groups = grouped([9, 1, 3, 9, 1], size=1)
    with pytest.raises(UserError) as refused:
        kfold(labels, groups, folds=5, seed=0, classes=["a", "b", "c", "d", "e"])
    assert str(refused.value) == (
        "cv=5 needs at least 5 groups of every class, but 'b' has 1 (1 sample; those that belong together are one "
        "group), 'e' has 1 (1 sample), 'c' has 3 (3 samples); add samples from other occasions, or leave them out by "
        "data.min_groups=5"
    )


def test_holdout_needs_two_groups() -> None:
    labels, groups = grouped([5, 1], size=6)
    with pytest.raises(
        UserError, match=r"a hold-out needs at least 2 groups of every class, but class 1 has 1 \(6 samples"
    ):
        holdout(labels, groups, seed=0)
    with pytest.raises(UserError, match=r"a hold-out of 1\.5 of the samples is not possible"):
        holdout(labels, groups, fraction=1.5, seed=0)


def test_classes_that_cannot_be_parted() -> None:
    labels, groups = np.array([0, 1, 0, 1, 1]), np.array([0, 0, 1, 2, 3])
    labels, groups = np.append(labels, [2, 2]), np.append(groups, [0, 1])
    assert kfold(labels, groups, folds=2, seed=0).shape == (7,)


def test_check_split_names_the_photos() -> None:
    names = ["train/a/1.jpg", "train/a/2.jpg", "test/a/1.jpg", "test/b/2.jpg"]
    sides = np.array(["train", "train", "test", "test"])
    check_split(sides, np.array([0, 0, 1, 1]), names)
    check_split(np.zeros(0), np.zeros(0), [])
    with pytest.raises(UserError) as caught:
        check_split(sides, np.array([0, 1, 1, 2]), names)
    assert "cuts 1 group of photos" in str(caught.value)
    assert "train/a/2.jpg (train) and test/a/1.jpg (test)" in str(caught.value)
    assert "move each group to one side or delete its copies" in str(caught.value)
    with pytest.raises(UserError, match=r"cuts 7 groups .*and 2 more"):
        check_split(np.array([0, 1] * 7), np.repeat(np.arange(7), 2), [f"{i}.jpg" for i in range(14)])


def write(tmp_path, text: str, encoding: str = "utf-8"):
    path = tmp_path / "split.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_read_split_of_sides(tmp_path) -> None:
    path = write(
        tmp_path,
        'split,path\r\nTrain,a/1.jpg\nvalidation,"a/2, x.jpg"\n test ,./b/é.jpg\ntrain,gone.jpg\n',
        "utf-8-sig",
    )
    assert read_split(path, ["b/e\u0301.jpg", "a/2, x.jpg", "a/1.jpg"]).tolist() == ["test", "val", "train"]


def test_read_split_of_folds(tmp_path) -> None:
    folds = read_split(write(tmp_path, "path,split\n1,3\n2,1\n3,10\n"), ["1", "2", "3"])
    assert folds.dtype == np.int64
    assert folds.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,side\n1,train\n", "has no column split; its first row must name the columns path,split"),
        ("", "is empty; it needs the columns path,split and a row for each sample"),
        ("path,split\n1,train\n", "has no row for 2, 3; give each"),
        ("path,split\n1,train\nx.jpg,test\n", "has no row for 2, 3; it has 'x.jpg', for which there is none; give"),
        ("path,split\n1,train\n2,eval\n3,test\n", "has the split 'eval'; use train, val and test, or fold"),
        ("path,split\n1,train\n2,1\n3,test\n", "has the split '1'; use train"),
        ("path,split\n1,train\n2,train\n3,train\n", "but has only train"),
        ("path,split\n1,test\n2,val\n3,val\n", "needs samples in train and in val or test, but has only test, val"),
        ("path,split\n1,2\n2,2\n3,2\n", "puts every sample into fold 2"),
        ("path,split\n1,train\n1,test\n2,test\n3,test\n", "puts 1 into both 'train' and 'test'"),
        ("path,split\n1\n2,test\n3,test\n", r"has no row for 1 \(row 2: 1 value in a table of 2 columns\); give"),
        ("path,split\n1,\n2,test\n3,test\n", "has the split ''"),
    ],
)
def test_read_split_refuses(tmp_path, text, message) -> None:
    with pytest.raises(UserError, match=message):
        read_split(write(tmp_path, text), ["1", "2", "3"])


def test_read_split_that_cannot_be_read(tmp_path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*gone.csv; check the path"):
        read_split(tmp_path / "gone.csv", ["1"])
    (tmp_path / "split.csv").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match="is a workbook"):
        read_split(tmp_path / "split.csv", ["1"])
