"""Fields of a PCB configuration."""

from dataclasses import field
from typing import Annotated, Literal, Optional, Union

from pydantic import Field
from pydantic.dataclasses import dataclass

from common.config import STRICT
from common.config_fields import Optim, Train
from tasks.pcb.given_weights import weights_file

SELECTION_METRIC = "map_50"
HEADLINE_METRICS = ("map_50", "map_50_95", "f1", "miss_rate")


@dataclass(config=STRICT)
class Data:
    """Which pictures are read."""

    root: str = Field(
        "deeppcb/PCBData",
        description="folder, COCO's .json or YOLO's .yaml, below the data root or elsewhere",
    )
    format: Literal["auto", "deeppcb", "voc", "coco", "yolo"] = Field(
        "auto", description="how boxes are written; auto recognises it"
    )
    classes: Optional[list[str]] = Field(
        None, description="names in the order of their numbers, before those that the data give"
    )
    group: Union[int, str, None] = Field(
        None,
        description="board, panel or lot: folder level (1 the first, -1 the last), regular expression "
        "with (...) on the path, or column; DeepPCB's folders by default",
    )
    group_table: Optional[str] = Field(
        None, description="CSV below data.root with the columns picture and data.group"
    )
    split: Literal["auto", "list", "group", "hash"] = Field(
        "auto", description="auto takes the data's own lists, else whole groups, else a hash of each picture"
    )
    train_list: Optional[str] = Field(None, description="file below data.root with a picture a line")
    validation_list: Optional[str] = Field(None, description="likewise; split off training if there is none")
    test_list: Optional[str] = Field(None, description="likewise")
    validation_group: Optional[str] = Field(
        None, description="group of training held out whole; 92000 of DeepPCB by default"
    )
    test_group: Optional[str] = Field(None, description="group of training held out whole for the test")
    validation_share: float = Field(0.15, gt=0, lt=1, description="of the pictures, where no list says it")
    test_share: float = Field(0.15, gt=0, lt=1, description="likewise")
    unannotated: Literal["refuse", "background", "skip"] = Field(
        "refuse", description="pictures without an annotation: an error, without defect, or left out"
    )
    boxes_outside: Literal["refuse", "clip"] = Field(
        "refuse", description="boxes that stick out of their picture: an error, or cut off"
    )
    templates: Optional[str] = Field(
        None,
        description="defect-free templates: a folder below data.root with pictures of the same names, one "
        "picture for all, or a name beside each with * for its own (*_temp); by default a_temp.jpg of "
        "a_test.jpg, else the folder templates",
    )
    bits: int = Field(16, ge=9, le=16, description="bits that the camera uses of a picture of 16")
    train_size: Optional[int] = Field(
        None, ge=1, description="training pictures drawn by data.seed, nested; all by default"
    )
    repeat_threshold: float = Field(
        0.0,
        ge=0,
        le=1,
        description="a class on less than this share of training pictures, and crops around its boxes, come "
        "sqrt(threshold / share) times as often, as in LVIS; 0 is off",
    )
    scale: float = Field(1.0, gt=0, le=1, description="factor on the sides of every picture; 1 is native")
    seed: int = Field(0, ge=0, description="which training pictures are drawn")

    def __post_init__(self):
        classes = self.classes
        if classes is not None and (not classes or len(set(classes)) < len(classes) or "" in classes):
            raise ValueError(f"data.classes: found {classes}, expected at least one name, each once")
        if self.group_table is not None and not isinstance(self.group, str):
            raise ValueError("data.group_table: found a table, but no data.group that names its column")
        if self.test_share + self.validation_share >= 1:
            total = self.test_share + self.validation_share
            raise ValueError(
                f"data.test_share, data.validation_share: found {total:g} together, expected less than 1"
            )
        lists = (self.train_list, self.validation_list, self.test_list)
        if self.split in ("group", "hash") and any(lists):
            raise ValueError(f"data.split: found {self.split}, expected list, since there are lists")


# Pixels a cell, coarse to fine. darknet_tiny folds each 2 x 2 pixels into channels first.
STRIDES = {
    "darknet_tiny": (64, 32, 16),
    "darknet53": (32, 16, 8),
    "mobilenet_v1": (32, 16, 8),
    "mobilenet_v3": (32, 16, 8),
    "resnet50_vd": (32, 16, 8),
}


@dataclass(config=STRICT)
class Model:
    """The network."""

    backbone: Literal["darknet_tiny", "darknet53", "mobilenet_v1", "mobilenet_v3", "resnet50_vd"] = Field(
        "darknet_tiny", description="darknet_tiny is for CPUs; mobilenet_v3 is the large one"
    )
    weights: Optional[str] = Field(
        None, description="safetensors to start from, or their folder; what fits by name and shape is loaded"
    )
    input: Literal["tested", "pair", "difference"] = Field(
        "tested", description="what it sees: the tested picture, its template too, and their difference too"
    )
    neck_width: int = Field(
        128, ge=8, multiple_of=8, description="channels of the coarsest neck block; 512 is YOLOv3's own"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="rate on the input of the 1x1 prediction layer")
    dropout_kind: Literal["element", "channel", "block"] = Field(
        "element", description="what is dropped: single values, whole channels, or 3 x 3 blocks"
    )
    assign_iou: float = Field(
        1.0,
        gt=0,
        le=1,
        description="further anchors whose shape has this IoU with a box get it too; 1 is the best alone",
    )
    neighbour_cells: bool = Field(
        False, description="the two cells nearest to a box's centre beside its own learn the box too"
    )
    iou_loss: float = Field(0.0, ge=0, description="weight of an IoU loss beside those of place and size")
    ignore_iou: float = Field(
        0.7, ge=0, le=1, description="unassigned predictions above this IoU are not counted as background"
    )


@dataclass(config=STRICT)
class MixUp:
    """Mixing of two pictures and their boxes."""

    probability: float = Field(0.0, ge=0, le=1, description="share of samples mixed; 0 is off")
    alpha: float = Field(
        1.5,
        ge=0.01,
        description="lambda is drawn from Beta(alpha, alpha); below 0.01 nothing would be mixed, which "
        "probability 0 says",
    )
    until: float = Field(
        1.0,
        ge=0,
        le=1,
        description="share of the run, rounded up to whole epochs, after which nothing is mixed",
    )


@dataclass(config=STRICT)
class Mosaic:
    """A training view put together from crops of several pictures."""

    tiles: int = Field(1, ge=1, le=4, description="crops along each side of a view; 1 is off")
    until: float = Field(
        1.0,
        ge=0,
        le=1,
        description="share of the run, rounded up to whole epochs, after which views are single crops",
    )


@dataclass(config=STRICT)
class Augment:
    """How training pictures are varied."""

    crop: int = Field(320, ge=64, description="side of the training crop, pixels of the scaled picture")
    crops: int = Field(4, ge=1, description="crops of each picture in an epoch")
    multiscale: list[Annotated[int, Field(ge=64)]] = Field(
        default_factory=list,
        description="sides that crops are resized to, one drawn an update; [] leaves them at augment.crop",
    )
    zoom: float = Field(1.0, ge=1, le=4, description="greatest magnification of a crop")
    stretch: float = Field(
        1.0, ge=1, le=4, description="greatest magnification of one axis against the other, on top of zoom"
    )
    magnified: float = Field(1.0, ge=0, le=1, description="share of crops that zoom and stretch are for")
    margin: float = Field(
        0.0,
        ge=0,
        le=64,
        description="pixels of the scaled picture between a box and its defect, which magnification leaves "
        "as wide",
    )
    background: float = Field(0.1, ge=0, le=1, description="share of crops placed without regard to boxes")
    min_visible: float = Field(0.5, gt=0, le=1, description="a box cut to less of its area is dropped")
    holes: int = Field(
        0, ge=0, le=20, description="most round holes drilled into the dark copper of a crop, as background"
    )
    template_shift: int = Field(
        0,
        ge=0,
        le=16,
        description="greatest shift of a template against its tested picture along each axis, pixels of the "
        "scaled picture",
    )
    flip: bool = Field(True, description="mirror left-right and top-bottom, each with probability 0.5")
    transpose: bool = Field(True, description="swap rows and columns with probability 0.5")
    mosaic: Mosaic = field(default_factory=Mosaic)
    mixup: MixUp = field(default_factory=MixUp)


@dataclass(config=STRICT)
class Loss:
    """What is minimised."""

    class_weights: Union[list[Annotated[float, Field(gt=0)]], Literal["balanced"], None] = Field(
        None,
        description="factor on the loss of boxes of each class, in order; balanced is 1 / (classes x share)",
    )


@dataclass(config=STRICT)
class Config:
    """A PCB run."""

    task: Literal["pcb"]
    optim: Optim = field(default_factory=Optim)
    train: Train = field(default_factory=Train)
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    augment: Augment = field(default_factory=Augment)
    loss: Loss = field(default_factory=Loss)

    def check_files(self) -> None:
        """Refuse weights that cannot start a run."""
        if self.model.weights is not None:
            weights_file(self.model.weights)

    def __post_init__(self):
        if self.augment.template_shift and self.model.input == "tested":
            shift = self.augment.template_shift
            raise ValueError(
                f"augment.template_shift: found {shift}, but model.input is tested, without template"
            )
        stride = STRIDES[self.model.backbone][0]
        sides = {"augment.crop": [self.augment.crop], "augment.multiscale": self.augment.multiscale}
        for name, found in sides.items():
            for side in found:
                if side % stride:
                    raise ValueError(
                        f"{name}: found {side}, expected a multiple of {stride}, "
                        f"the coarsest stride of {self.model.backbone}"
                    )
