"""Images from a trained connector: any Stable Diffusion pipeline of diffusers, equipped with it."""

from training.inference.equipment import Equipped as Equipped
from training.inference.equipment import equip as equip
