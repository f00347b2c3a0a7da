"""What training shows while it runs, stops for, and leaves behind when it ends; each a small Lightning callback."""

from training.callbacks.evaluate import EvaluateDPG as EvaluateDPG
from training.callbacks.finite_loss import FiniteLoss as FiniteLoss
from training.callbacks.finite_loss import NonFiniteLossError as NonFiniteLossError
from training.callbacks.gradient_norm import GradientNorm as GradientNorm
from training.callbacks.loss_by_timestep import LossByTimestep as LossByTimestep
from training.callbacks.peak_memory import PeakMemory as PeakMemory
from training.callbacks.preemption import Preempted as Preempted
from training.callbacks.preemption import Preemption as Preemption
from training.callbacks.progress import TrainingProgress as TrainingProgress
from training.callbacks.sample_images import SampleImages as SampleImages
from training.callbacks.save_connector import SaveConnector as SaveConnector
from training.callbacks.throughput import Throughput as Throughput
