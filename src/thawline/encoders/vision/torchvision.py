"""torchvision's networks as stages: ResNet, SqueezeNet, MobileNet and EfficientNet, at every border."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import torchvision
from torch import nn
from torchvision import models
from torchvision.models import EfficientNet, MobileNetV2, MobileNetV3, ResNet, SqueezeNet
from torchvision.models.squeezenet import Fire

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.images import Parts, cut_parts, set_bn_eps
from thawline.encoders.vision.state import load_weights
from thawline.encoders.weights import weights_file
from thawline.errors import UserError

# Their classifiers, and what stands in for these, so that the network gives its pooled features.
_CLASSIFIERS: dict[Any, tuple[str, Callable[[], nn.Module]]] = {
    ResNet: ("fc", nn.Identity),
    SqueezeNet: ("classifier", lambda: nn.AdaptiveAvgPool2d(1)),  # its classifier pools as well
    MobileNetV2: ("classifier", nn.Identity),
    MobileNetV3: ("classifier", nn.Identity),
    EfficientNet: ("classifier", nn.Identity),
}


def load_torchvision(settings: EncoderSettings) -> Encoder:
    """A torchvision network with its weights, on the CPU in single precision, without its classifier.

    Raises:
        UserError: The architecture is unknown, or the weights are absent or of another network.
    """
    model = create_network(settings)
    load_weights(model, weights_file(settings), settings, classifier=[_CLASSIFIERS[type(model)][0]])
    return cut_torchvision(model, load_preprocessing(settings), settings)


def cut_torchvision(model: Any, preprocessing: Preprocessing, settings: EncoderSettings) -> Encoder:
    """`model`, a ResNet, SqueezeNet, MobileNet or EfficientNet, as stages. Its classifier is taken off if it has one.

    Raises:
        UserError: It is of another kind.
    """
    return cut_parts(_bare(model), _parts(model), preprocessing, settings, {"torchvision": torchvision.__version__})


def load_preprocessing(settings: EncoderSettings) -> Preprocessing:
    """What torchvision prepares photos with for the architecture's newest weights, with what the settings override.

    A file of weights doesn't say which weights it holds. Older ones may want another `crop_pct`.
    """
    theirs = models.get_model_weights(settings.model).DEFAULT.transforms()
    crop, resize = int(theirs.crop_size[0]), int(theirs.resize_size[0])
    size = settings.size or crop
    mean, std = settings.mean or theirs.mean, settings.std or theirs.std
    return Preprocessing(
        size=size,
        resize=round(size / settings.crop_pct if settings.crop_pct else size * resize / crop),
        interpolation=settings.interpolation or theirs.interpolation.value,
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
    )


def create_network(settings: EncoderSettings) -> nn.Module:
    """The network that `settings` name, without its classifier, with random weights.

    Raises:
        UserError: The architecture is unknown.
    """
    name = str(settings.model)
    # By what it returns: merely creating a network of another kind may go on the network for its backbone's weights.
    listed = [each for each in models.list_models(module=models) if _kind(each) in _CLASSIFIERS]
    if name not in listed:
        raise UserError(
            f"encoder.model={name} is no network of torchvision's that is known here; there is {', '.join(listed)}, "
            "and encoder.family=timm has many more"
        )
    try:
        model: nn.Module = models.get_model(name, weights=None, **settings.model_args)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise UserError(f"torchvision's {name} does not take encoder.model_args as given: {error}") from error
    set_bn_eps(model, settings)
    return _bare(model).float()


def _kind(name: str) -> Any:
    """The class of the network that torchvision's builder `name` says it returns."""
    return signature(models.get_model_builder(name)).return_annotation


def _bare(model: Any) -> nn.Module:
    """`model` without its classifier. The kind is its exact class: a subclass may compute something else."""
    if type(model) not in _CLASSIFIERS:
        kinds = ", ".join(kind.__name__ for kind in _CLASSIFIERS)
        raise UserError(
            f"torchvision's {type(model).__name__} can't be cut; use one of {kinds}, or encoder.family=timm"
        )
    name, instead = _CLASSIFIERS[type(model)]
    setattr(model, name, instead())
    bare: nn.Module = model
    return bare


def _parts(model: Any) -> Parts:
    if type(model) is ResNet:
        return Parts(
            family="torchvision:resnet",
            first=nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool),
            blocks=[model.layer1, model.layer2, model.layer3, model.layer4],
            borders=[f"layer{i}" for i in range(1, 5)],
            last=nn.Sequential(model.avgpool, nn.Flatten()),
            convolutional=True,
        )
    layers = list(model.features)
    if type(model) is SqueezeNet:
        # A pooling belongs to what it follows.
        starts = [i for i, layer in enumerate(layers) if isinstance(layer, Fire)]
        ends = [*starts[1:], len(layers)]
        last = nn.Sequential(model.classifier, nn.Flatten())
    else:
        # The first layer is the stem, the last the convolution before the pooling.
        starts = list(range(1, len(layers) - 1))
        ends = [i + 1 for i in starts]
        last = nn.Sequential(layers[-1], nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Parts(
        family=f"torchvision:{type(model).__name__.lower()}",
        first=nn.Sequential(*layers[: starts[0]]),
        blocks=[nn.Sequential(*layers[start:end]) for start, end in zip(starts, ends, strict=True)],
        borders=[f"features.{end - 1}" for end in ends],
        last=last,
        convolutional=True,
    )
