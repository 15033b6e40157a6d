"""The other side of peers.py: Hugging Face's transformers on PyTorch.

Run by the peers' own Python, in which nothing of this repository can be imported. It is
what a careful user would write: examples grouped by length as Trainer's sampler does it
(group_by_length), padded to the longest of their batch, the fused AdamW, dropout on, no
gradients in prediction; in bfloat16 autocast for training and the weights themselves
for prediction. Each command prints one JSON line.

    peer_pytorch.py train REQUEST      [examples a second, peak memory in MB]
    peer_pytorch.py predict REQUEST    [pieces a second, peak memory in MB]
    peer_pytorch.py entities FOLDER TEXT RESULT    passages, a line each → JSON lines

REQUEST is a JSON file: features (an .npz of peer_suite.py), config, task, labels,
batch_size, warm_up, steps, pieces (of a prediction's batch), dtype (float32 or
bfloat16) and threads.
"""

import json
import sys
import time
from typing import Any, Dict, Iterator, List

import numpy as np
import peer_common
import torch
import transformers

CLASSES = {
    "ner": transformers.BertForTokenClassification,
    "re": transformers.BertForSequenceClassification,
    "qa": transformers.BertForQuestionAnswering,
}
# Batches whose examples Trainer sorts by length among each other.
MEGA_BATCH = 50
PEAK_RATE = 5e-5
# What PyTorch's cross entropy takes for no label.
NOT_COUNTED = -100


def model_of(request: Dict[str, Any]) -> torch.nn.Module:
    """Make the model with random weights: speed does not depend on them."""
    torch.manual_seed(1)
    torch.set_num_threads(request["threads"])
    config = transformers.BertConfig(**request["config"], num_labels=request["labels"])
    return CLASSES[request["task"]](config)


def batch_of(
    features: Dict[str, np.ndarray], lengths: np.ndarray, rows: np.ndarray
) -> Dict[str, torch.Tensor]:
    """Pad examples to the longest among them."""
    mask = peer_common.mask_of(lengths[rows])
    batch = {"attention_mask": torch.from_numpy(mask)}
    for name, values in features.items():
        chosen = values[rows]
        if chosen.ndim == 2:
            chosen = chosen[:, : mask.shape[1]]
        chosen = chosen.astype(np.int64)
        if name == "labels" and chosen.ndim == 2:
            chosen = np.where(mask, chosen, NOT_COUNTED)
        batch[name] = torch.from_numpy(chosen)
    return batch


def grouped(
    lengths: np.ndarray, batch_size: int, random: np.random.RandomState
) -> Iterator[np.ndarray]:
    """Yield the rows of batches without end, similar lengths together."""
    while True:
        order = random.permutation(len(lengths))
        for start in range(0, len(order), batch_size * MEGA_BATCH):
            group = order[start : start + batch_size * MEGA_BATCH]
            group = group[np.argsort(-lengths[group], kind="stable")]
            batches = [
                group[i : i + batch_size] for i in range(0, len(group), batch_size)
            ]
            for i in random.permutation(len(batches)):
                if len(batches[i]) == batch_size:
                    yield batches[i]


def train(request: Dict[str, Any]) -> List[float]:
    """Train some steps, and time those after the first few."""
    model = model_of(request).train()
    features, lengths = peer_common.load(request["features"])
    decayed = [p for n, p in model.named_parameters() if not is_exempt(n)]
    others = [p for n, p in model.named_parameters() if is_exempt(n)]
    groups = [
        {"params": decayed, "weight_decay": 0.01},
        {"params": others, "weight_decay": 0.0},
    ]
    try:
        optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, fused=True)
    except (RuntimeError, TypeError):  # before 2.4 only on a GPU
        optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE)
    total = request["warm_up"] + request["steps"]
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, total // 10, total
    )
    in_half = request["dtype"] == "bfloat16"
    batches = grouped(lengths, request["batch_size"], np.random.RandomState(1))
    started = None
    for step in range(total):
        if step == request["warm_up"]:
            started = time.perf_counter()
        batch = batch_of(features, lengths, next(batches))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=in_half):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    seconds = time.perf_counter() - started
    return [request["steps"] * request["batch_size"] / seconds, peer_common.memory()]


def is_exempt(name: str) -> bool:
    """Whether BERT's weight decay leaves a parameter out."""
    return name.endswith("bias") or "LayerNorm" in name


def predict(request: Dict[str, Any]) -> List[float]:
    """Predict all examples twice, sorted by length, and time the second time."""
    model = model_of(request).eval()
    if request["dtype"] == "bfloat16":
        model = model.to(torch.bfloat16)
    features, lengths = peer_common.load(request["features"])
    taken = set(features) & {"input_ids", "token_type_ids"}
    features = {name: features[name] for name in taken}
    batches = peer_common.batches_of(lengths, request["pieces"])
    for _ in range(2):
        started = time.perf_counter()
        with torch.inference_mode():
            for rows in batches:
                output = model(**batch_of(features, lengths, rows))
                [values.float().numpy() for values in output.values()]
        seconds = time.perf_counter() - started
    return [float(lengths.sum()) / seconds, peer_common.memory()]


def entities(folder: str, text: str, result: str) -> None:
    """Find the entities of passages by transformers' pipeline, and write them."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder)
    find = transformers.pipeline(
        "token-classification",
        model=model,
        tokenizer=tokenizer,
        aggregation_strategy="first",
        stride=32,
        batch_size=8,
    )
    with open(text, encoding="utf-8") as stream:
        passages = [line.strip() for line in stream if line.strip()]
    with open(result, "w", encoding="utf-8") as stream:
        for found in find(passages):
            kept = [dict(one, score=float(one["score"])) for one in found]
            stream.write(json.dumps(kept) + "\n")


def main(argv: List[str]) -> None:
    """Run one of the commands."""
    command, *arguments = argv
    if command == "entities":
        entities(*arguments)
        print(json.dumps([peer_common.memory()]))
        return
    with open(arguments[0], encoding="utf-8") as stream:
        request = json.load(stream)
    print(json.dumps({"train": train, "predict": predict}[command](request)))


if __name__ == "__main__":
    main(sys.argv[1:])
