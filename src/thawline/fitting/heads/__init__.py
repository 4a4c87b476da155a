"""What turns features into logits: a layer or two, prompts, an audio class's own head, trees."""
