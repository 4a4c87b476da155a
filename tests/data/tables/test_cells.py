import pytest

from thawline.data.tables.cells import number_of


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *(("3", 3.0), (" -0.5 ", -0.5), ("1e-3", 1e-3), (".5", 0.5), ("3,5", 3.5), ("0,1250", 0.125)),
        *(
            ("1,234", None),
            ("1,234.5", None),
            ("nan", None),
            ("inf", None),
            ("1e999", None),
            ("4 stars", None),
            ("", None),
        ),
    ],
)
def test_a_number_is_read_where_it_can_mean_one_thing(cell, number):
    assert number_of(cell) == number
