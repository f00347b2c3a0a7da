import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from tests.training.evaluation.compbench.small_models import save_clip
from training.evaluation.compbench.clip import ClipSimilarity, cosine

IMAGES = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "white")]
PROMPTS = ["a red cup", "a photo of a dog near a small table", "a " * 200]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> ClipSimilarity:
    folder = tmp_path_factory.mktemp("clip")
    save_clip(folder)
    judge = ClipSimilarity(model=str(folder), device="cpu")
    judge.setup()
    return judge


def test_the_answer_is_the_cosine_of_the_two_embeddings(judge: ClipSimilarity) -> None:
    model, processor = CLIPModel.from_pretrained(judge.model), CLIPProcessor.from_pretrained(judge.model)
    (answer,) = judge.answer(IMAGES[:1], PROMPTS[:1])
    with torch.no_grad():
        inputs = processor(text=PROMPTS[:1], images=IMAGES[:1], return_tensors="pt")
        output = model(**inputs)
    image, text = output.image_embeds[0].double(), output.text_embeds[0].double()
    assert cosine(answer.text) == pytest.approx(float(image @ text / (image.norm() * text.norm())), abs=1e-5)


def test_a_batch_gives_what_each_image_gives_alone(judge: ClipSimilarity) -> None:
    together = [cosine(answer.text) for answer in judge.answer(IMAGES, PROMPTS)]
    alone = [cosine(judge.answer([image], [text])[0].text) for image, text in zip(IMAGES, PROMPTS, strict=True)]
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(set(together)) == len(IMAGES)
