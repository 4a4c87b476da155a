"""Models of ultralytics' own with random weights. Its functions are for a process that may import ultralytics."""


def save_yolo(path, architecture, *, person):
    """Write a `.pt` file of an architecture, whose first class is a person or a thing."""
    from ultralytics import YOLO

    model = YOLO(architecture)
    model.model.names = {0: "person" if person else "thing", 1: "cat"}
    model.save(path)
