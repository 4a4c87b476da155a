"""A pass over the nodes of a Ray cluster."""

import shutil

import pytest
from tests.extras import require
from tools.fill_by_nodes import WORDS, compare, make, what_differs

from thawline.errors import UserError
from thawline.features.passes.nodes import Crew, _Room, _rooms, shares_of
from thawline.features.settings import ClusterSettings
from thawline.features.survey import survey


@pytest.mark.extra
def test_a_store_filled_by_two_nodes_of_which_one_is_lost_is_that_of_one_process(tmp_path):
    require("ray", "ray")
    photos = make("photos", tmp_path, photos=300)
    assert compare(photos, tmp_path / "stores", WORDS["photos"], ["lost"]) == []


def test_without_ray_one_sentence_says_what_to_install(make_photos, wanted, store, monkeypatch):
    monkeypatch.setattr("thawline.cluster.find_spec", lambda _: None)
    photos = make_photos(65)  # of fewer this process computes the features
    with pytest.raises(UserError, match=r"^cluster=ray needs ray, not installed; run: pip install 'thawline\[ray\]'$"):
        survey(photos, store, wanted, cluster=ClusterSettings(kind="ray"))
    assert survey(photos[:64], store, wanted, cluster=ClusterSettings(kind="ray")).computed == 64


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "dask"}, "cluster.kind=dask is not known; use cluster=ray or cluster=none"),
        ({"num_cpus": 0}, "cluster.num_cpus=0 is below 1"),
        ({"max_retries": -1}, "cluster.max_retries=-1 is below 0"),
    ],
)
def test_what_a_cluster_can_t_be_is_said(settings, said):
    with pytest.raises(UserError, match=f"^{said}$"):
        ClusterSettings(**settings)


def test_shares_are_the_files_in_their_order_with_what_is_known_of_them(make_photos):
    photos = make_photos(5)
    shares = shares_of(photos, {photos[0].name: "a", photos[4].name: "b"}, 2)
    assert [(share.number, share.files) for share in shares] == [(0, photos[:2]), (1, photos[2:4]), (2, photos[4:])]
    assert [share.known for share in shares] == [{photos[0].name: "a"}, {}, {photos[4].name: "b"}]


@pytest.mark.parametrize(
    ("resources", "num_cpus", "cuda", "rooms"),
    [
        ({"CPU": 8}, None, False, [_Room(8, 0)]),
        ({"CPU": 9}, 4, False, [_Room(4, 0)] * 2),
        ({}, None, False, []),
        ({"CPU": 3}, 4, False, []),
        ({"CPU": 16, "GPU": 4}, None, True, [_Room(4, 1)] * 4),
        ({"CPU": 16, "GPU": 4}, 6, True, [_Room(6, 1)] * 2),
        ({"CPU": 16}, None, True, []),
    ],
)
def test_a_node_has_a_process_for_all_its_cores_or_each_of_its_gpus(resources, num_cpus, cuda, rooms):
    assert _rooms(resources, num_cpus, cuda) == rooms


def test_stores_that_differ_in_one_row_are_told_apart(make_photos, wanted, store, tmp_path):
    photos = make_photos(3)
    survey(photos, store, wanted)
    shutil.copytree(store.root, tmp_path / "other")
    assert what_differs(store.root, tmp_path / "other") == []
    rows, *_ = (tmp_path / "other").rglob("*.rows")
    rows.write_bytes(rows.read_bytes()[:-1] + b"!")
    (name,) = what_differs(store.root, tmp_path / "other")
    assert name.endswith(".rows")


def test_a_share_that_ends_its_process_again_and_again_is_named(make_photos):
    share, *_ = shares_of(make_photos(5), {}, 3)
    crew = Crew(None, ClusterSettings(kind="ray", max_retries=1), None, {}, compiled=False, cuda=False)
    crew._count_loss(share)
    with pytest.raises(
        UserError, match=r"the features of beach/000\.jpg to beach/002\.jpg was lost 2 times; .*num_cpus"
    ):
        crew._count_loss(share)
