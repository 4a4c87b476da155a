"""A library whose captions and longer descriptions say the same in other words."""

from typing import Any

# Of each topic the caption says one thing and the longer description another; the one beside the other in both.
TOPICS = (
    ("The {0} dog sleeps on a sofa by the window", "A {0} dog naps on the couch by a window.", ["pet", "indoors"]),
    ("One {0} man drives his car along a road", "The {0} man steers an automobile along the road.", ["traffic"]),
    ("Some {0} waves roll to the shore", "Those {0} waves break on a beach.", ["sea", "outdoors"]),
)
COLOURS = ("grey", "tall", "small", "wild", "young")
ANNA = ("0", "4", "7")  # the entries that she is on


def entries() -> list[dict[str, Any]]:
    """Sixty entries, twenty of each topic, with two people."""
    rows = []
    for number in range(60):
        caption, detail, tags = TOPICS[number % 3]
        breed = ["terrier"] if number % 3 == 0 and number % 2 else []
        rows.append(
            {
                "id": str(number),
                "image_path": f"{number}.jpg",
                "description": caption.format(COLOURS[number % 5]),
                "detailed_description": detail.format(COLOURS[number % 5]),
                "meta_tags": [*tags, *breed],
                "created_at": f"2024-01-{1 + number % 28:02d}",
                "face_encodings": [[1.0, 0.0, 0.01]] if str(number) in ANNA else [[0.0, 1.0, number / 1000]],
            }
        )
    return rows
