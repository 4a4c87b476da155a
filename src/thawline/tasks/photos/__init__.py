"""Classes of photos, whatever tells them apart: what the tasks over them have in common. No task by itself."""
